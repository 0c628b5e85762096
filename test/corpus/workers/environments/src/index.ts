import fetch from 'node-fetch'
declare const BUILD: string

export default {
  async fetch(request: Request, env: Record<string, any>) {
    const { pathname } = new URL(request.url)
    if (pathname === '/vars')
      return Response.json({ STAGE: env.STAGE, FLAGS: env.FLAGS, API: env.API ?? null })
    if (pathname === '/secret') return new Response(env.TOKEN)
    if (pathname === '/kv') {
      await env.KV.put('a', '1')
      return Response.json([await env.KV.get('a'), await env.ONLY_HERE.get('a')])
    }
    if (pathname === '/define') return new Response(BUILD)
    if (pathname === '/alias') return new Response(await fetch('x'))
    return new Response(env.STAGE, { status: 404 })
  },
}
