/** Writes a head, then a chunk, waits for half a second, and writes another one. */
export const handler = awslambda.streamifyResponse(async (event: { rawPath: string }, responseStream) => {
  const stream = awslambda.HttpResponseStream.from(responseStream, { statusCode: 201, headers: { 'content-type': 'text/plain' }, cookies: ['a=1', 'b=2'] })
  stream.write(`first of ${event.rawPath}\n`)
  await new Promise((resolve) => setTimeout(resolve, 500))
  stream.write(new TextEncoder().encode('second\n'))
  stream.end()
})
