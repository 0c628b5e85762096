/** Projects of the Vite plugin for tests, and a client of Vite's hot module replacement. */
import { once } from 'node:events'
import { symlink } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { createServer, type InlineConfig, type Plugin, type ViteDevServer } from 'vite'
import { WebSocket } from 'ws'
import { unmoor } from 'unmoor/vite'
import { checkout, tempProject, type TempProject } from '../unit/temp-project.ts'

/** The app of most tests: a page of Vite, and routes of its own. */
export const FILES: Readonly<Record<string, string>> = {
  'unmoor.config.ts': 'export default { name: "desk" }',
  'index.html':
    '<!doctype html><div id="root">the page</div><script type="module" src="/web/main.ts"></script>',
  'web/main.ts': `import { label } from './label.ts'
document.title = label
`,
  'web/label.ts': `export const label: string = 'first'
if (import.meta.hot) import.meta.hot.accept()
`,
  'src/app.ts': appOf('first'),
}

/** Source of an app that answers with `text`, and with facts of its request and bindings. */
export function appOf(text: string): string {
  return `import { assets, defineApp, defineBindings, kv } from 'unmoor'
const bindings = defineBindings({
  page: assets({ directory: './dist', notFound: 'single-page-application' }),
  notes: kv(),
})
export default defineApp({
  bindings,
  async fetch(request, env) {
    const { pathname } = new URL(request.url)
    if (pathname === '/api/file') return env.page.fetch(new URL(request.url).searchParams.get('path') ?? '/')
    if (pathname === '/api/note') {
      if (request.method === 'PUT') await env.notes.put('note', await request.text())
      return new Response((await env.notes.get('note')) ?? 'none')
    }
    const body = await request.text()
    return Response.json({ text: '${text}', method: request.method, pathname, body: body.length })
  },
})
`
}

/** Makes a project of the files, with Vite in its node_modules. */
export async function viteProject(files: Readonly<Record<string, string>> = {}): Promise<TempProject> {
  const project = await tempProject({ ...FILES, ...files })
  await symlink(join(checkout, 'node_modules/vite'), join(project.dir, 'node_modules/vite'))
  return project
}

/** A Vite dev server with the plugin, on a free port. */
export interface ViteLab extends AsyncDisposable {
  readonly server: ViteDevServer
  readonly url: string
  /** What Vite has logged so far. */
  readonly log: string[]
}

/** Starts `vite dev` in this process. */
export async function startVite(
  dir: string,
  { plugin = unmoor(), config = {} }: { plugin?: Plugin; config?: InlineConfig } = {},
): Promise<ViteLab> {
  const log: string[] = []
  const write = (message: string): void => void log.push(message)
  const server = await createServer({
    root: dir,
    configFile: false,
    plugins: [plugin],
    customLogger: {
      hasWarned: false,
      info: write,
      warn: write,
      warnOnce: write,
      error: write,
      clearScreen: () => {},
      hasErrorLogged: () => false,
    },
    ...config,
    server: { host: '127.0.0.1', port: 0, strictPort: true, ...config.server },
  })
  await server.listen()
  return {
    server,
    log,
    url: (server.resolvedUrls?.local[0] ?? '').replace(/\/$/, ''),
    [Symbol.asyncDispose]: () => server.close(),
  }
}

/** A message of Vite to its pages. */
export interface HotMessage {
  type: string
  event?: string
  updates?: { path: string }[]
  err?: { message: string; frame?: string; loc?: { file: string; line: number; column: number } }
}

/** Connects as a page does, and keeps what Vite says. */
export async function hotClient({ server, url }: ViteLab): Promise<{ heard: HotMessage[]; close(): void }> {
  const token = server.config.webSocketToken
  const socket = new WebSocket(`${url.replace('http', 'ws')}/?token=${token}`, 'vite-hmr')
  const heard: HotMessage[] = []
  socket.on('message', (data: Buffer) => void heard.push(JSON.parse(data.toString()) as HotMessage))
  await once(socket, 'open')
  return { heard, close: () => socket.close() }
}

/** Asks as a browser does that loads a page: `fetch` of Node names a mode of its own. */
export async function navigate(url: string): Promise<{ status: number; type: string; body: string }> {
  const headers = {
    'sec-fetch-mode': 'navigate',
    'sec-fetch-dest': 'document',
    accept: 'text/html,*/*;q=0.8',
  }
  const [incoming] = (await once(request(url, { headers }).end(), 'response')) as [IncomingMessage]
  const { statusCode: status = 0, headers: answered } = incoming
  return { status, type: answered['content-type'] ?? '', body: await text(incoming) }
}
