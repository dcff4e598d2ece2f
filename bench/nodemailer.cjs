// The same work, done by Nodemailer: node nodemailer.cjs '{"port": 25, "count": 100, "connections": 1, "compose": false}'
// It prints the seconds from the first message to the last answer.
const { performance } = require("node:perf_hooks");
const nodemailer = require("nodemailer");

const { port, count, connections = 1, compose = false } = JSON.parse(process.argv[2]);
const from = "sender@example.com", to = "user@example.net";
const line = "The quick brown fox jumps over the lazy dog, and does it once more today";

function raw(number) {
  const head = [
    `From: Sender <${from}>`, `To: User <${to}>`, `Subject: message ${number}`, "Date: Thu, 01 Jan 2026 00:00:00 +0000",
    `Message-ID: <${number}.1@example.com>`, "MIME-Version: 1.0", 'Content-Type: text/plain; charset="utf-8"', "", "",
  ].join("\r\n");
  return head + `${line}\r\n`.repeat(Math.floor((1024 - head.length) / (line.length + 2)));
}

const letters = Array.from({ length: 64 }, (_, number) => raw(number));
const text = `${line}\n`.repeat(10);
const transport = nodemailer.createTransport({
  host: "127.0.0.1", port, pool: true, maxConnections: connections, maxMessages: Infinity, secure: false, ignoreTLS: true,
});

function letter(number) {
  if (compose) return { from: `Sender <${from}>`, to: `User <${to}>`, subject: `message ${number}`, text };
  return { envelope: { from, to: [to] }, raw: letters[number % letters.length] };
}

async function everything() {
  let next = 0;
  const lane = async () => {
    while (next < count) await transport.sendMail(letter(next++));
  };
  // One more than there are connections: the next message waits in the pool while the others go out.
  await Promise.all(Array.from({ length: connections + 1 }, lane));
}

const began = performance.now();
everything().then(() => {
  console.log(JSON.stringify({ seconds: (performance.now() - began) / 1000 }));
  transport.close();
});
