import QRCode from 'qrcode'
import { defineApp } from 'unmoor'

export default defineApp({
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    const text = searchParams.get('text') ?? 'https://example.com/ä'
    switch (pathname) {
      case '/svg':
        return new Response(await QRCode.toString(text, { type: 'svg', margin: 1 }), {
          headers: { 'content-type': 'image/svg+xml' },
        })
      case '/safer':
        return new Response(await QRCode.toString(text, { type: 'svg', errorCorrectionLevel: 'H' }))
      case '/modules': {
        const { modules, version, maskPattern } = QRCode.create(text, { maskPattern: 3 })
        return Response.json({ version, maskPattern, size: modules.size, bits: [...modules.data].join('') })
      }
      default:
        try {
          QRCode.create(text, { version: 1 })
          return new Response('made')
        } catch (error) {
          return new Response((error as Error).message, { status: 400 })
        }
    }
  },
})
