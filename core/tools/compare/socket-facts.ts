import type { UseName } from './uses.ts'

const USES: readonly UseName[] = ['sockets']

/**
 * Effect of the capabilities about WebSockets on an app, for the comparison report; a part of
 * `CAPABILITY_FACTS`.
 */
export const SOCKET_FACTS = {
  sockets: {
    cases: [
      'sockets-01',
      'sockets-02',
      'sockets-03',
      'sockets-04',
      'sockets-05',
      'sockets-06',
      'sockets-11',
      'sockets-12',
      'sockets-13',
      'sockets-15',
      'sockets-16',
      'sockets-17',
      'sockets-19',
      'sockets-20',
      'sockets-21',
      'sockets-22',
      'sockets-23',
      'sockets-24',
      'sockets-26',
      'sockets-27',
      'sockets-29',
      'sockets-30',
      'sockets-31',
      'sockets-33',
      'sockets-34',
      'sockets-35',
      'sockets-36',
      'sockets-37',
      'sockets-38',
      'sockets-39',
      'sockets-40',
      'sockets-41',
      'sockets-42',
      'sockets-43',
      'sockets-44',
      'sockets-45',
      'sockets-47',
      'sockets-48',
      'sockets-51',
      'sockets-52',
      'sockets-55',
      'sockets-56',
      'sockets-57',
    ],
    uses: USES,
    lost: 'There are no sockets: let clients ask again and again, or read server-sent events.',
    gained: 'Clients can connect by WebSocket.',
  },
  'sockets.binary': {
    cases: ['sockets-07', 'sockets-08'],
    uses: USES,
    lost: 'Messages are text only: send bytes as base64.',
    gained: 'Messages can be bytes.',
  },
  'sockets.largeMessages': {
    cases: ['sockets-53'],
    uses: USES,
    lost: 'Messages have at most 32,768 bytes: send parts, or the key of a blob.',
    gained: 'Messages can have up to 1 MiB.',
  },
  'sockets.ordered': {
    cases: ['sockets-14', 'sockets-25'],
    uses: USES,
    lost: 'Handlers of one socket start in any order: number the messages where it matters.',
    gained: 'Handlers of one socket start in the order of its messages.',
  },
  'sockets.closeCode': {
    cases: ['sockets-28', 'sockets-32'],
    uses: USES,
    lost: 'Codes and reasons of a close reach nobody: send a last message that says why.',
    gained: 'Both sides see the code and the reason of a close.',
  },
  'sockets.backpressure': {
    cases: ['sockets-49'],
    uses: USES,
    lost: 'The platform decides what becomes of a client that reads too slowly.',
    gained: 'A client that reads too slowly is closed with 1013.',
  },
  'sockets.autoResponse': {
    cases: ['sockets-54'],
    uses: USES,
    lost: 'Each message that `autoResponse` answers is an event, which is paid for.',
    gained: '`autoResponse` is answered without an event.',
  },
  'sockets.answers': {
    cases: ['sockets-18'],
    uses: USES,
    lost: 'A refused client sees a status and no body; cookies and headers do not reach one that is let in.',
    gained: 'Answers to an upgrade reach the client whole.',
  },
  'sockets.strictFrames': {
    cases: ['sockets-09', 'sockets-10'],
    uses: USES,
    lost: 'The platform may mend what clients send: U+FFFD stands for bytes that are no UTF-8.',
    gained: 'A client that breaks the protocol is closed with 1002 or 1007.',
  },
  'sockets.orderlyStop': {
    cases: ['sockets-50'],
    uses: USES,
    lost: 'A stop or a deploy cuts sockets, and `close` handlers may not run: keep no count by them alone.',
    gained: 'A stop closes sockets with 1012, and `close` handlers run.',
  },
  'sockets.survivesDeploy': {
    cases: ['sockets-50'],
    uses: USES,
    lost: 'A deploy ends every socket: clients must connect again by themselves.',
    gained: 'Sockets stay open over a deploy: new code meets data that old code wrote.',
  },
  'sockets.shared': {
    cases: ['sockets-46'],
    uses: USES,
    lost:
      'Each process reaches its own sockets only: name a driver with a server (redis, nats, postgres) for ' +
      'more than one process.',
    gained: '`send` and `publish` reach the sockets of all processes.',
  },
}
