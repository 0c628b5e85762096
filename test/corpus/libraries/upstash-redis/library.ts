import { defineLibrary } from '../../harness/library.ts'

const base64 = (value: unknown): unknown =>
  typeof value === 'string'
    ? Buffer.from(value).toString('base64')
    : Array.isArray(value)
      ? value.map(base64)
      : value

function run([command]: string[]): object {
  switch (command?.toLowerCase()) {
    case 'set':
      return { result: 'OK' }
    case 'get':
      return { result: JSON.stringify({ name: 'Ädä' }) }
    case 'scan':
      return { result: ['0', ['user', 'other']] }
    case 'incr':
    case 'hset':
      return { result: 2 }
    default:
      return { error: 'WRONGTYPE Operation against a key holding the wrong kind of value' }
  }
}

/** The protocol of Upstash: commands as arrays, answers in base64 where the client asks for it. */
async function upstream(request: Request): Promise<Response> {
  if (request.headers.get('authorization') !== 'Bearer secret') return new Response('', { status: 401 })
  const encoded = request.headers.get('upstash-encoding') === 'base64'
  const answer = (command: string[]): object =>
    Object.fromEntries(
      Object.entries(run(command)).map(([key, value]) => [
        key,
        encoded && key === 'result' ? base64(value) : (value as unknown),
      ]),
    )
  const body = (await request.json()) as string[] | string[][]
  if (new URL(request.url).pathname === '/pipeline') return Response.json((body as string[][]).map(answer))
  const one = answer(body as string[])
  return Response.json(one, { status: 'error' in one ? 400 : 200 })
}

export default defineLibrary({
  packages: ['@upstash/redis'],
  upstream,
  requests: [
    { name: 'set', path: '/set', contains: 'OK' },
    { name: 'get', path: '/get', contains: 'Ädä' },
    { name: 'pipeline', path: '/pipeline', contains: '2' },
    { name: 'scan', path: '/scan', contains: 'other' },
    { name: 'an error', path: '/error', status: 400, contains: 'WRONGTYPE' },
  ],
})
