import { equal } from '../cases/tools.ts'
import { ORIGIN_TEXT } from './origin.ts'
import { type ProjectCase, projectCases, type Site } from './project-case.ts'

const WORKER = `
const copy = (x) => new Headers(x.headers)
const forms = {
  returned: (x) => x,
  remade: (x) => new Response(x.body, x),
  text: async (x) => new Response(await x.text(), x),
  bytes: async (x) => new Response(await x.arrayBuffer(), { headers: x.headers }),
  transformed: (x) => new Response(x.body.pipeThrough(new TransformStream()), x),
  cloned: (x) => x.clone(),
  original: (x) => { const other = x.clone(); return other.text().then(() => x) },
  raced: (x) => { x.clone(); return x },
  headers: async (x) => new Response(await x.text(), { headers: copy(x) }),
  entries: (x) => new Response(x.body, { headers: [...x.headers] }),
  twice: (x) => new Response(new Response(x.body, x).body, x),
  remadeClone: (x) => new Response(x.clone().body, x),
  label: (x) => Response.json([x, x.clone()].map(({ headers }) => headers.get('content-encoding'))),
  length: async (x) => new Response(String((await x.text()).length)),
}
const own = {
  gzip: () => new Response('own '.repeat(500), { headers: { 'content-encoding': 'gzip' } }),
  br: () => new Response('own '.repeat(500), { headers: { 'content-encoding': 'br' } }),
  stream: () => new Response(new Response('own '.repeat(500)).body,
    { headers: { 'content-encoding': 'gzip' } }),
  manual: () => new Response(new Response('own '.repeat(500)).body.pipeThrough(new CompressionStream('gzip')),
    { encodeBody: 'manual', headers: { 'content-encoding': 'gzip' } }),
  none: () => new Response(null, { status: 204, headers: { 'content-encoding': 'gzip' } }),
  json: () => Response.json({ own: true }, { headers: { 'content-encoding': 'gzip' } }),
}
export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    const name = pathname.slice(1)
    const from = searchParams.get('from')
    return from === null ? own[name]() : forms[name](await fetch(from))
  },
}
`
const OWN = 'own '.repeat(500)

const FORMS = [
  'returned',
  'remade',
  'text',
  'bytes',
  'transformed',
  'cloned',
  'original',
  'raced',
  'headers',
  'entries',
  'twice',
  'remadeClone',
]

const from = (site: Site, form: string, coding: string): string => `/${form}?from=${site.origin}/${coding}`

export const ENCODING: ProjectCase[] = projectCases(
  {
    wrangler: { name: 'encoding-fixture', main: 'src/index.js', compatibility_date: '2026-07-01' },
    files: { 'src/index.js': WORKER },
  },
  [
    [
      '40',
      'a fetched answer is decoded and keeps its label',
      async (site) => {
        for (const coding of ['gzip', 'br']) {
          equal(await site.text(from(site, 'label', coding)), JSON.stringify([coding, coding]))
          equal(await site.text(from(site, 'length', coding)), String(ORIGIN_TEXT.length))
        }
        equal(await site.text(from(site, 'label', 'plain')), '[null,null]')
      },
    ],
    [
      '41',
      'whatever is made of a fetched answer, the client can read it',
      async (site) => {
        for (const form of FORMS)
          for (const coding of ['gzip', 'br', 'plain']) {
            const response = await site.fetch(from(site, form, coding))
            equal(
              [response.status, (await response.text()) === ORIGIN_TEXT, response.headers.get('x-kept')],
              [200, true, 'yes'],
              `${form} of ${coding}`,
            )
          }
      },
    ],
    [
      '42',
      'a label asks for the coding of the body',
      async (site) => {
        for (const name of ['gzip', 'br', 'stream']) equal(await site.text(`/${name}`), OWN, name)
        equal(await site.text('/json'), '{"own":true}')
        equal((await site.fetch('/gzip')).headers.get('content-encoding'), 'gzip')
        equal((await site.fetch('/none')).status, 204)
      },
    ],
    [
      '43',
      'with encodeBody: manual the body is encoded already',
      async (site) => equal(await site.text('/manual'), OWN),
    ],
  ],
)
