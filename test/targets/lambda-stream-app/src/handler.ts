/** Writes a head, then a chunk, waits for the answer of the address in `gate`, and writes another chunk. */
export const handler = awslambda.streamifyResponse(
  async (event: { rawPath: string; rawQueryString: string }, responseStream) => {
    const stream = awslambda.HttpResponseStream.from(responseStream, {
      statusCode: 201,
      headers: { 'content-type': 'text/plain' },
      cookies: ['a=1', 'b=2'],
    })
    stream.write(`first of ${event.rawPath}\n`)
    await fetch(new URLSearchParams(event.rawQueryString).get('gate') ?? '')
    stream.write(new TextEncoder().encode('second\n'))
    stream.end()
  },
)
