/**
 * The floor: the least that takes events from a Runtime API and answers them, with the same answer each time.
 */
// As our own runtime does, and faster than an import.
const http = process.getBuiltinModule('node:http')
const [hostname, port] = (process.env['AWS_LAMBDA_RUNTIME_API'] ?? '').split(':')
const agent = new http.Agent({ keepAlive: true })

function call(method: string, path: string, payload?: string): Promise<{ id: string; body: string }> {
  return new Promise((resolve, reject) => {
    const headers =
      payload === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }
    const request = http.request(
      { hostname, port, agent, method, path: `/2018-06-01/runtime/${path}`, headers },
      (response) => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (body += chunk))
        response.on('end', () =>
          resolve({ id: String(response.headers['lambda-runtime-aws-request-id']), body }),
        )
      },
    )
    request.on('error', reject)
    request.end(payload)
  })
}

for (;;) {
  const { id, body } = await call('GET', 'invocation/next')
  JSON.parse(body)
  const answer = {
    statusCode: 200,
    headers: { 'content-type': 'text/plain; charset=UTF-8' },
    body: 'Hello, world!',
    isBase64Encoded: false,
  }
  await call('POST', `invocation/${id}/response`, JSON.stringify(answer))
}
