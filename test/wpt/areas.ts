/** One line of the report: the tests of some folders of web-platform-tests. */
export interface Area {
  /** As printed, and the name of its expectations. */
  readonly name: string
  /** Folders below the checkout, with everything in them. */
  readonly folders: readonly string[]
}

const SAME = [
  'url',
  'urlpattern',
  'encoding',
  'streams',
  'compression',
  'dom/abort',
  'dom/events',
  'fetch/api/headers',
  'fetch/api/request',
]
const MORE = [
  'fetch/api/response',
  'fetch/api/body',
  'xhr/formdata',
  'FileAPI',
  'WebCryptoAPI',
  'hr-time',
  'console',
  'wasm/jsapi',
]

export const AREAS: readonly Area[] = [
  ...[...SAME, ...MORE].map((name) => ({ name, folders: [name] })),
  { name: 'html/atob', folders: ['html/webappapis/atob'] },
  { name: 'html/timers', folders: ['html/webappapis/timers'] },
  { name: 'html/microtask', folders: ['html/webappapis/microtask-queuing'] },
  { name: 'html/structured-clone', folders: ['html/webappapis/structured-clone'] },
]
