// A third party's Sparkplug edge node: births, and a counter as device data, until its standard input ends.
// usage: node sparkplug_edge.cjs PORT; prints a line when it is born, and the last number when it ends
const { newClient } = require("sparkplug-client");

const [port] = process.argv.slice(2);
const client = newClient({
  serverUrl: `mqtt://127.0.0.1:${port}`, username: "", password: "", groupId: "tahu", edgeNode: "e9",
  clientId: "tahu-edge", version: "spBv1.0", publishDeath: true,
});

let n = 0;
const metrics = () => [
  { name: "count", timestamp: Date.now(), value: n, type: "Double" },
  { name: "pH", timestamp: Date.now(), value: 7.05, type: "Double" },
];
client.on("birth", () => {
  client.publishNodeBirth({ timestamp: Date.now(), metrics: [{ name: "Node Control/Rebirth", type: "Boolean", value: false }] });
  client.publishDeviceBirth("R9", { timestamp: Date.now(), metrics: metrics() });
  console.log(JSON.stringify({ born: n }));
});
client.on("ncmd", (payload) => {
  if ((payload.metrics || []).some((metric) => metric.name === "Node Control/Rebirth" && metric.value)) client.emit("birth");
});
setInterval(() => {
  n += 1;
  client.publishDeviceData("R9", { timestamp: Date.now(), metrics: [metrics()[0]] });
}, 50);
process.stdin.on("end", () => {
  console.log(JSON.stringify({ last: n }));
  client.publishDeviceDeath("R9", { timestamp: Date.now(), metrics: [] });
  client.stop();
  setTimeout(() => process.exit(0), 500);
});
process.stdin.resume();
