import { defineLibrary } from '../../harness/library.ts'

/** The few calls of the API that the app makes. */
async function upstream(request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url)
  const asked = { query: decodeURIComponent(search), key: request.headers.get('apikey') }
  switch (`${request.method} ${pathname}`) {
    case 'GET /rest/v1/users':
      return Response.json([{ id: 1, name: 'Ädä', ...asked }], { headers: { 'content-range': '0-0/41' } })
    case 'POST /rest/v1/users':
      return Response.json(
        { ...((await request.json()) as object), accept: request.headers.get('accept') },
        { status: 201 },
      )
    case 'POST /rest/v1/rpc/add': {
      const { a, b } = (await request.json()) as { a: number; b: number }
      return Response.json(a + b)
    }
    case 'POST /auth/v1/token':
      return Response.json({
        access_token: 'a.b.c',
        refresh_token: 'r',
        token_type: 'bearer',
        expires_in: 3600,
        user: { id: 'u1', email: 'ada@example.com' },
      })
    case 'POST /functions/v1/hello':
      return Response.json({ hello: ((await request.json()) as { name: string }).name })
    default:
      if (pathname.startsWith('/storage/v1/object/files/'))
        return Response.json({ Id: 'o1', Key: decodeURI(pathname), length: (await request.bytes()).length })
      return Response.json({ code: '42P01', message: 'relation "nothing" does not exist' }, { status: 404 })
  }
}

export default defineLibrary({
  packages: ['@supabase/supabase-js'],
  upstream,
  requests: [
    { name: 'select', path: '/select', contains: '"count":41' },
    { name: 'insert', path: '/insert', body: { name: 'Bøb' }, contains: '"status":201' },
    { name: 'an error', path: '/error', status: 400, contains: '42P01' },
    { name: 'rpc', path: '/rpc', contains: '3' },
    { name: 'login', path: '/login', contains: 'ada@example.com' },
    { name: 'upload', path: '/upload', body: 'some text', contains: 'o1' },
    { name: 'a function', path: '/function', contains: 'Ädä' },
  ],
})
