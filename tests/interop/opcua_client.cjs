// A third party's OPC UA client looks at the simulated plant and says what it saw, as one line of JSON.
// usage: node opcua_client.cjs URL VESSEL
const ua = require("node-opcua-client");

const PLANT = "urn:bioline:plant";
const DI = "http://opcfoundation.org/UA/DI/";

async function children(session, nodeId) {
  const answer = await session.browse({
    nodeId,
    browseDirection: ua.BrowseDirection.Forward,
    referenceTypeId: "HierarchicalReferences",
    includeSubtypes: true,
    resultMask: 63,
  });
  return answer.references.map((one) => ({ name: one.browseName.name, ns: one.browseName.namespaceIndex, id: one.nodeId }));
}

async function child(session, nodeId, name) {
  return (await children(session, nodeId)).find((one) => one.name === name).id;
}

function readAttribute(session, nodeId, attributeId = ua.AttributeIds.Value) {
  return session.read({ nodeId, attributeId });
}

async function watch(session, nodeId, count) {
  const subscription = await session.createSubscription2({
    requestedPublishingInterval: 50,
    requestedLifetimeCount: 1000,
    requestedMaxKeepAliveCount: 20,
    publishingEnabled: true,
  });
  const item = await subscription.monitor(
    { nodeId, attributeId: ua.AttributeIds.Value },
    { samplingInterval: 0, discardOldest: true, queueSize: 100 },
    ua.TimestampsToReturn.Both,
  );
  const seen = [];
  await new Promise((done) => item.on("changed", (value) => {
    seen.push([value.sourceTimestamp.toISOString(), value.value.value, value.statusCode.name]);
    if (seen.length === count) done();
  }));
  await subscription.terminate();
  return seen;
}

async function write(session, nodeId, dataType, value) {
  const status = await session.write({ nodeId, attributeId: ua.AttributeIds.Value, value: { value: { dataType, value } } });
  return status.name;
}

async function main(url, vessel) {
  const client = ua.OPCUAClient.create({
    endpointMustExist: false,
    connectionStrategy: { maxRetry: 2 },
  });
  await client.connect(url);
  const session = await client.createSession();
  const namespaces = await session.readNamespaceArray();
  const [ours, di] = [namespaces.indexOf(PLANT), namespaces.indexOf(DI)];
  const said = { namespaces };

  const folder = await child(session, "RootFolder", "Objects").then((objects) => child(session, objects, vessel));
  const found = await children(session, folder);
  said.children = found.map((one) => one.name);
  const pH = found.find((one) => one.name === "pH").id;
  said.pH = pH.toString();
  const properties = await children(session, pH);
  for (const { name, id } of properties) said[name] = (await readAttribute(session, id)).value.value;

  const device = `ns=${ours};s=DeviceSet.${vessel}.pH`;
  said.device = {};
  for (const { name, ns, id } of await children(session, device)) {
    const { value } = (await readAttribute(session, id)).value;
    said.device[name] = value.text ?? value;
    if (ns !== di) throw new Error(`${name} is not in ${DI}`);
  }

  said.seen = await watch(session, pH, 4);
  const history = await session.readHistoryValue(pH, "2026-01-05T06:00:00Z", "2026-01-05T08:00:00Z");
  said.history = history.historyData.dataValues.map((one) => [one.sourceTimestamp.toISOString(), one.value.value]);
  said.historyStatus = history.statusCode.name;

  const setPoint = `ns=${ours};s=${vessel}.pH_sp`;
  said.writes = {
    inside: await write(session, setPoint, "Double", 6.9),
    outside: await write(session, setPoint, "Double", 12),
    text: await write(session, setPoint, "String", "6.9"),
    measured: await write(session, pH, "Double", 7),
  };
  const call = (method, inputArguments) =>
    session.call({ objectId: folder, methodId: `ns=${ours};s=${vessel}.${method}`, inputArguments });
  said.calls = {
    start: (await call("StartFeed", [{ dataType: "Double", value: 3 }])).statusCode.name,
    hold: (await call("HoldFeed", [])).statusCode.name,
    wrong: (await call("StartFeed", [{ dataType: "Double", value: -3 }])).statusCode.name,
  };
  const argumentsOf = await session.getArgumentDefinition(`ns=${ours};s=${vessel}.StartFeed`);
  said.arguments = argumentsOf.inputArguments.map((one) => one.name);

  await session.close();
  await client.disconnect();
  console.log(JSON.stringify(said));
}

main(process.argv[2], process.argv[3]).then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
