import { promisify } from 'node:util'
import zlib from 'node:zlib'

const ways = {
  gzip: 'gunzip',
  deflate: 'inflate',
  deflateRaw: 'inflateRaw',
  brotliCompress: 'brotliDecompress',
}

export default {
  async fetch(request) {
    const name = new URL(request.url).pathname.slice(1)
    const back = ways[name]
    if (!back) return new Response('no', { status: 404 })
    const text = await request.text()
    const packed = await promisify(zlib[name])(text)
    return Response.json({
      smaller: packed.length < text.length,
      same: zlib[`${back}Sync`](packed).toString() === text,
    })
  },
}
