const lines = () => {
  let rest = ''
  return new TransformStream<string, string>({
    transform(chunk, controller) {
      const parts = (rest + chunk).split('\n')
      rest = parts.pop() ?? ''
      for (const part of parts) controller.enqueue(part)
    },
    flush(controller) {
      if (rest !== '') controller.enqueue(rest)
    },
  })
}

export default {
  async fetch(request: Request, env: { UPSTREAM_URL: string }, ctx: ExecutionContext): Promise<Response> {
    const { pathname } = new URL(request.url)
    switch (pathname) {
      case '/upper': {
        const upper = new TransformStream<string, string>({
          transform: (chunk, controller) => controller.enqueue(chunk.toUpperCase()),
        })
        return new Response(
          request
            .body!.pipeThrough(new TextDecoderStream())
            .pipeThrough(upper)
            .pipeThrough(new TextEncoderStream()),
        )
      }
      case '/csv': {
        const rows: string[][] = []
        for await (const line of request.body!.pipeThrough(new TextDecoderStream()).pipeThrough(lines()))
          rows.push(line.split(','))
        return Response.json(rows)
      }
      case '/sse': {
        const { readable, writable } = new TransformStream()
        const writer = writable.getWriter()
        const encoder = new TextEncoder()
        ctx.waitUntil(
          (async () => {
            for (let id = 1; id <= 3; id++) {
              await writer.write(encoder.encode(`id: ${id}\ndata: ${JSON.stringify({ id })}\n\n`))
              await scheduler.wait(5)
            }
            await writer.close()
          })(),
        )
        return new Response(readable, {
          headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' },
        })
      }
      case '/fixed': {
        const { readable, writable } = new FixedLengthStream(11)
        const writer = writable.getWriter()
        ctx.waitUntil(writer.write(new TextEncoder().encode('hello world')).then(() => writer.close()))
        return new Response(readable)
      }
      case '/gzip': {
        const packed = new Response('x'.repeat(5000)).body!.pipeThrough(new CompressionStream('gzip'))
        const bytes = await new Response(packed).arrayBuffer()
        const back = await new Response(
          new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip')),
        ).text()
        return Response.json({ smaller: bytes.byteLength < 100, length: back.length })
      }
      case '/labelled':
        return new Response(JSON.stringify({ long: 'y'.repeat(3000) }), {
          headers: { 'content-encoding': 'gzip', 'content-type': 'application/json' },
        })
      case '/manual': {
        const packed = new Response('by hand').body!.pipeThrough(new CompressionStream('gzip'))
        return new Response(packed, {
          encodeBody: 'manual',
          headers: { 'content-encoding': 'gzip' },
        } as ResponseInit)
      }
      case '/tee': {
        const [one, two] = (await fetch(`${env.UPSTREAM_URL}/big`)).body!.tee()
        const digest = crypto.subtle.digest('SHA-256', await new Response(one).arrayBuffer())
        const text = await new Response(two).text()
        return Response.json({ length: text.length, sha: new Uint8Array(await digest)[0] })
      }
      case '/through':
        return fetch(`${env.UPSTREAM_URL}/big`)
      case '/digest': {
        const stream = new crypto.DigestStream('SHA-256')
        await request.body!.pipeTo(stream)
        return Response.json([...new Uint8Array(await stream.digest)].slice(0, 4))
      }
    }
    return new Response('no', { status: 404 })
  },
}
