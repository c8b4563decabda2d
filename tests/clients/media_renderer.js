// media_renderer.js LOCATION SONG
//
// Takes the renderer with this description through all that upnp-mediarenderer-client can do, and prints facts, one JSON
// object in a line; the test that started it judges.

'use strict';

const Client = require('upnp-mediarenderer-client');
const { promisify } = require('util');

// What is waited for is there within this many milliseconds, or the script fails; it is far more than it takes.
const PATIENCE = 20000;

const [location, song] = process.argv.slice(2);
const client = new Client(location);
const told = [];

function say(fact, details) {
  console.log(JSON.stringify({ fact, ...details }));
}

function ask(method, ...input) {
  return promisify(client[method].bind(client))(...input);
}

function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

// Waits for one more of an event than there has been, and returns after how many milliseconds it came.
async function heard(event, count = 1) {
  const begun = Date.now();
  while (told.filter((name) => name === event).length < count) {
    if (Date.now() > begun + PATIENCE) throw new Error(`never ${event}, but: ${told}`);
    await sleep(10);
  }
  return Date.now() - begun;
}

async function main() {
  client.on('error', (error) => say('complaint', { text: String(error) }));
  for (const event of ['loading', 'playing', 'paused', 'stopped', 'status']) {
    client.on(event, () => told.push(event));
  }
  await heard('status');

  const protocols = await ask('getSupportedProtocols');
  say('protocols', {
    formats: protocols.map((protocol) => protocol.contentFormat),
    whole: protocols.every((protocol) => Object.values(protocol).every((field) => field)),
  });

  const metadata = { type: 'audio', title: 'Tom & "Jerry" <ü>', creator: 'Ännchen' };
  await ask('load', song, { autoplay: true, contentType: 'audio/wav', metadata });
  const delays = [await heard('playing')];
  say('duration', { seconds: await ask('getDuration') });

  await ask('pause');
  delays.push(await heard('paused'));
  await ask('seek', 40);
  say('position', { seconds: await ask('getPosition') });
  await ask('play');
  delays.push(await heard('playing', 2));

  await ask('setVolume', 23);
  say('volume', { level: await ask('getVolume') });

  await ask('stop');
  delays.push(await heard('stopped'));
  say('transport', await ask('getTransportInfo'));
  say('told', { delays });

  for (const event of ['loading', 'playing', 'paused', 'stopped', 'status']) {
    client.removeAllListeners(event);
  }
  const begun = Date.now();
  while (Object.keys(client.subscriptions).length > 0) {
    if (Date.now() > begun + PATIENCE) throw new Error('never unsubscribed');
    await sleep(10);
  }
  say('done');
}

// The library keeps connections open that it has no more use for, so that it would not end by itself.
main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
