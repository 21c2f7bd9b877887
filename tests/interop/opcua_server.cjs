// A third party's OPC UA server: a counter and a pH with history, until its standard input ends.
// usage: node opcua_server.cjs PORT FOLDER; prints its certificate's file when it is open
const path = require("path");
const { OPCUAServer } = require("node-opcua-server");
const { OPCUACertificateManager } = require("node-opcua-certificate-manager");
const { DataType, Variant } = require("node-opcua-variant");
const { SecurityPolicy, MessageSecurityMode } = require("node-opcua-secure-channel");
const { standardUnits } = require("node-opcua-data-access");

const [port, folder] = process.argv.slice(2);

(async () => {
  const pki = (name) => new OPCUACertificateManager({ automaticallyAcceptUnknownCertificate: true, rootFolder: path.join(folder, name) });
  const server = new OPCUAServer({
    port: Number(port),
    hostname: "127.0.0.1",
    serverCertificateManager: pki("pki"),
    userCertificateManager: pki("users"),
    securityPolicies: [SecurityPolicy.None, SecurityPolicy.Aes256_Sha256_RsaPss],
    securityModes: [MessageSecurityMode.None, MessageSecurityMode.SignAndEncrypt],
    userManager: { isValidUser: (name, password) => name === "twin" && password === "right" },
  });
  await server.initialize();
  const space = server.engine.addressSpace;
  space.registerNamespace("urn:test:before");
  const own = space.registerNamespace("urn:test:vendor");
  const vessel = own.addFolder("ObjectsFolder", { browseName: "R9", nodeId: "s=R9" });
  const variable = (name, low, high, unit) => {
    const node = own.addAnalogDataItem({
      componentOf: vessel, browseName: name, nodeId: `s=R9.${name}`, dataType: DataType.Double,
      engineeringUnitsRange: { low, high }, engineeringUnits: unit, minimumSamplingInterval: 0, // every change is told
    });
    space.installHistoricalDataNode(node, { maxOnlineValues: 100000 });
    return node;
  };
  const counter = variable("count", 0, 1e9, standardUnits.one);
  const temperature = variable("temperature", 0, 100, standardUnits.degree_celsius);
  let n = 0;
  setInterval(() => {
    counter.setValueFromSource(new Variant({ dataType: DataType.Double, value: n }));
    temperature.setValueFromSource(new Variant({ dataType: DataType.Double, value: 37 + (n % 10) / 100 }));
    n += 1;
  }, 50);
  await server.start();
  console.log(JSON.stringify({ certificate: server.certificateFile }));
  process.stdin.on("end", async () => { await server.shutdown(0); process.exit(0); });
  process.stdin.resume();
})().catch((error) => { console.error(error); process.exit(1); });
