// A third party's MQTT client and Sparkplug codec decode births, data and their own command's effect.
// usage: node sparkplug_host.cjs PORT EDGE DEVICE; prints one line of JSON
const mqtt = require("mqtt");
const { encodePayload, decodePayload } = require("sparkplug-payload").get("spBv1.0");

const [port, edge, device] = process.argv.slice(2);
const said = { births: {}, data: [], sequence: [] };
const base = `spBv1.0/bioline`;

const plain = (key, value) => (value !== null && typeof value === "object" && "low" in value && "high" in value ? Number(value) : value);
const client = mqtt.connect(`mqtt://127.0.0.1:${port}`, { protocolVersion: 5 });

const rebirth = () => {
  const metrics = [{ name: "Node Control/Rebirth", type: "Boolean", value: true }];
  client.publish(`${base}/NCMD/${edge}`, Buffer.from(encodePayload({ timestamp: Date.now(), metrics })), { qos: 0 });
};
const command = () => {
  const metrics = [{ name: "pH_sp", type: "Double", value: 6.9 }, { name: "pO2_sp", type: "Double", value: 900 }];
  client.publish(`${base}/DCMD/${edge}/${device}`, Buffer.from(encodePayload({ timestamp: Date.now(), metrics })), { qos: 0 });
};

client.on("connect", () => client.subscribe(`${base}/#`, { qos: 0 }, rebirth));

// The codec finds a value by the metric's data type, which Sparkplug 3.0 leaves out of data messages;
// so values are looked at in births, and the command's effect in the birth after it.
let asked;
client.on("message", (topic, bytes) => {
  const kind = topic.split("/")[2];
  if (!["NBIRTH", "DBIRTH", "DDATA"].includes(kind)) return;
  const payload = decodePayload(bytes);
  said.sequence.push([kind, Number(payload.seq)]);
  if (kind === "DDATA") {
    if (said.births[`${base}/DBIRTH/${edge}/${device}`]) said.data.push(...payload.metrics);
    return;
  }
  said.births[topic] ??= payload;
  if (kind !== "DBIRTH") return;
  said.afterwards = payload.metrics.find((one) => one.name === "pH_sp").value;
  if (!asked) {
    command();
    asked = setInterval(rebirth, 500);
  } else if (said.afterwards === 6.9) finish(0);
});

function finish(code) {
  client.end(true);
  console.log(JSON.stringify(said, plain));
  process.exit(code);
}

setTimeout(() => {
  console.error("in 20 s the commanded set point did not come back");
  finish(1);
}, 20000);
