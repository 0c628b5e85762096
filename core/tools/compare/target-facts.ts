/**
 * Differences between targets that no case can check, or that the platform decides before the app runs. They
 * appear on the page of deviations. A difference that a case can check is a capability or an expectation.
 */

/** One difference of a target that no case can check. */
export interface TargetFact {
  readonly target: string
  readonly trait: string
  /** Full sentences about the target's difference, and what to do about it. */
  readonly text: string
}

export const TARGET_FACTS: readonly TargetFact[] = [
  {
    target: 'cloudflare',
    trait: 'timers after the answer',
    text:
      'A timer that fires after the answer does so only while `waitUntil` work is left: hand the work to ' +
      '`ctx.waitUntil`.',
  },
  {
    target: 'lambda',
    trait: 'timers after the answer',
    text:
      'The environment is frozen once the answer is out and `waitUntil` work is done: a timer that is ' +
      'left fires ' +
      'during a later event, or never. Hand the work to `ctx.waitUntil`. A local start freezes its ' +
      'environments ' +
      'too.',
  },
  ...['node', 'lambda'].map((target) => ({
    target,
    trait: 'timers over 2^31-1 ms',
    text:
      'A timer of more than 24.8 days fires at once. Keep the time in a binding, and look for ' +
      'it by a cron.',
  })),
  {
    target: 'isolate',
    trait: 'timers over 2^31-1 ms',
    text:
      'A delay is a signed number of 32 bits, as on the web: one of more than 24.8 days wraps round. Keep ' +
      'the ' +
      'time in a binding, and look for it by a cron.',
  },
  {
    target: 'cloudflare',
    trait: 'timers over 2^31-1 ms',
    text: 'No request lives so long. Keep the time in a binding, and look for it by a cron.',
  },
  {
    target: 'cloudflare',
    trait: 'aborting a body that is read',
    text:
      "The reader of a fetched answer's body gets a copy of the signal's reason, a text as the message of an " +
      'Error. Ask `signal.aborted` and `signal.reason` instead of the error.',
  },
  {
    target: 'cloudflare',
    trait: 'a fetched body that breaks off',
    text:
      'Its reader gets an Error, elsewhere a TypeError. Compressed ones that are cut off are an error there; ' +
      'elsewhere, as in browsers, what could be decoded is the body.',
  },
  {
    target: 'cloudflare',
    trait: 'content-length of a stream that the app sends',
    text:
      'It is ignored: the body of `fetch` goes out in chunks unless it is that of a request or an answer. ' +
      'Elsewhere it goes out, and a stream of another length fails: delete the header where the length changes.',
  },
  {
    target: 'cloudflare',
    trait: 'content-type after a redirect to GET',
    text: 'A POST that becomes a GET keeps the content-type of its body there; elsewhere it goes with the body.',
  },
  {
    target: 'isolate',
    trait: 'async functions beside AsyncLocalStorage',
    text:
      'Where an app holds `node:async_hooks` its async functions are generators within functions: they are no ' +
      '`AsyncFunction` by constructor, by `instanceof` or by text, and stacks do not name them. Ask the value ' +
      'that a call gives.',
  },
  {
    target: 'cloudflare',
    trait: 'TRACE',
    text:
      'workerd hands TRACE to the app; node and isolate answer 501, lambda 405, as fetch has ' +
      'no such request.',
  },
  {
    target: 'cloudflare',
    trait: 'OPTIONS *',
    text: 'workerd answers 500 by itself; the others answer 400, as a request has a path.',
  },
  {
    target: 'cloudflare',
    trait: 'malformed requests',
    text:
      'workerd alone, as locally, takes some that the others refuse with a 400 (a length beside chunks, ' +
      'control ' +
      "characters in a value), and answers 500 to some (two Host headers, a broken chunk). Cloudflare's " +
      'edge ' +
      'comes before it.',
  },
  {
    target: 'cloudflare',
    trait: 'dot segments of a path',
    text:
      'workerd alone, as locally, leaves `/a/../b` and `%2e%2e` in `request.url` as they were sent; ' +
      'elsewhere they are resolved, as `new URL(request.url)` does there too.',
  },
  {
    target: 'cloudflare',
    trait: "a body of '' with 204, 205 or 304",
    text: 'workerd takes it; elsewhere, as Fetch has it, such a `new Response` throws: give null.',
  },
  {
    target: 'cloudflare',
    trait: 'names and values of headers',
    text:
      'workerd takes an empty name and letters beyond U+00FF in names and values; elsewhere, as Fetch has ' +
      'it, they are a TypeError.',
  },
  {
    target: 'cloudflare',
    trait: 'repeated Cookie lines',
    text:
      'They are joined by ", ", elsewhere by "; ". Clients send one line, but for HTTP/2, ' +
      'which is joined before.',
  },
  {
    target: 'cloudflare',
    trait: 'cancel() of an answer',
    text:
      'The `cancel()` of a stream that is an answer is not called when the client goes away: listen to ' +
      '`request.signal`.',
  },
  {
    target: 'cloudflare',
    trait: 'endless answers to HEAD',
    text:
      'The body of an answer to HEAD is read to its end: one that never ends hangs. Answer ' +
      'HEAD without a body.',
  },
  {
    target: 'cloudflare',
    trait: 'listeners after one that threw',
    text:
      'What a listener throws is reported, as elsewhere, but workerd calls no listener of that ' +
      'event after it.',
  },
  {
    target: 'lambda',
    trait: "uncaught errors under AWS's own client",
    text:
      'With `package: "zip"` or `runtime: "ric"` AWS\'s client decides: an exception that nothing catches ' +
      'ends the ' +
      'environment, and the events in it fail. Under our own bootstrap it is logged with its event and ' +
      'ends nothing.',
  },
  {
    target: 'lambda',
    trait: 'size of a request head',
    text:
      'API Gateway takes 10,240 bytes of headers, and answers more by itself; the others take 60,000 and ' +
      'more. ' +
      'A local start takes 65,536.',
  },
  ...['node', 'isolate', 'lambda'].map((target) => ({
    target,
    trait: 'a connection that is reset',
    text:
      target === 'lambda'
        ? 'A request whose connection is reset before its body was whole reaches no function.'
        : 'A body that came whole is lost if the client resets the connection before the handler ' +
          'reads it; after a plain close it can be read. A client that has closed its side is noticed by ' +
          'the next write, or about a minute later.',
  })),
]
