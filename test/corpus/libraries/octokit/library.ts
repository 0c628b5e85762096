import { defineLibrary } from '../../harness/library.ts'

/** The few calls of the API that the app makes. */
async function upstream(request: Request): Promise<Response> {
  const { origin, pathname, searchParams } = new URL(request.url)
  if (pathname === '/repos/ada/engine')
    return Response.json({ full_name: 'ada/engine', auth: request.headers.get('authorization') })
  if (pathname === '/repos/ada/engine/issues' && request.method === 'POST')
    return Response.json({ number: 9, ...((await request.json()) as object) }, { status: 201 })
  if (pathname === '/repos/ada/engine/issues') {
    const page = Number(searchParams.get('page') ?? '1')
    const next = `<${origin}${pathname}?per_page=2&page=${page + 1}>; rel="next"`
    return Response.json(page < 3 ? [{ number: page * 2 - 1 }, { number: page * 2 }] : [{ number: 5 }], {
      headers: page < 3 ? { link: next } : {},
    })
  }
  if (pathname.startsWith('/repos/ada/engine/contents/'))
    return Response.json({ path: decodeURIComponent(pathname) })
  return Response.json({ message: 'Not Found', documentation_url: 'https://docs' }, { status: 404 })
}

export default defineLibrary({
  packages: ['@octokit/rest'],
  upstream,
  requests: [
    { name: 'a repository', path: '/repo', contains: 'token token' },
    { name: 'all pages', path: '/all', contains: '[1,2,3,4,5]' },
    { name: 'create', path: '/create', contains: 'Ä bug' },
    { name: 'raw', path: '/raw', contains: 'ä.md' },
    { name: 'not found', path: '/none', status: 404, contains: 'HttpError' },
  ],
})
