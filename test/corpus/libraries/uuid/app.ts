import { customAlphabet, nanoid } from 'nanoid'
import { monotonicFactory, ulid, decodeTime } from 'ulid'
import { defineApp } from 'unmoor'
import { parse, stringify, v1, v3, v4, v5, v7, validate, version } from 'uuid'

const random = { random: Uint8Array.from({ length: 16 }, (_, at) => at) }

export default defineApp({
  async fetch(request) {
    const { pathname } = new URL(request.url)
    switch (pathname) {
      case '/random': {
        const id = v4()
        return Response.json({
          version: version(id),
          valid: validate(id),
          length: id.length,
          twice: id === v4(),
        })
      }
      case '/given':
        return Response.json({ v4: v4(random), v7: v7({ ...random, msecs: 1e12, seq: 7 }) })
      case '/names':
        return Response.json({
          v3: v3('hello.example.com', v3.DNS),
          v5: v5('http://example.com/hello', v5.URL),
        })
      case '/time':
        return Response.json(version(v1()))
      case '/bytes':
        return new Response(stringify(parse('6ec0bd7f-11c0-43da-975e-2a8ad9ebae0b')))
      case '/nanoid':
        return Response.json({
          id: /^[\w-]{21}$/.test(nanoid()),
          own: /^[0-9a-f]{10}$/.test(customAlphabet('0123456789abcdef', 10)()),
        })
      default: {
        const next = monotonicFactory()
        return Response.json({ time: decodeTime(ulid(1469918176385)), ordered: next(1) < next(1) })
      }
    }
  },
})
