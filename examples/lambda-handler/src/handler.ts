import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import type { LambdaContext } from 'unmoor/from-lambda'
import type { Bindings } from './bindings.ts'

/**
 * Serves GET and PUT /notes/NAME, and returns parts of the event. Written for an HTTP API of AWS; its calls
 * of DynamoDB became calls of the binding.
 */
export async function handler(
  event: APIGatewayProxyEventV2,
  context: LambdaContext<Bindings>,
): Promise<APIGatewayProxyStructuredResultV2> {
  const { notes, thumbnails } = context.unmoor.env
  const { method, path } = event.requestContext.http
  if (path === '/event')
    return json(200, {
      query: event.queryStringParameters ?? {},
      cookies: event.cookies ?? [],
      table: process.env['TABLE_NAME'],
      function: context.functionName,
    })
  const name = /^\/notes\/([\w-]+)$/.exec(path)?.[1]
  if (name === undefined) return json(404, { error: 'not found' })
  if (method === 'PUT') {
    const text = event.isBase64Encoded ? atob(event.body ?? '') : (event.body ?? '')
    await notes.put(name, text)
    await thumbnails.send({ name, size: text.length })
    return { statusCode: 201, headers: { location: path }, cookies: [`last=${name}; Path=/`, 'seen=1'] }
  }
  const note = await notes.get(name)
  return note === null
    ? json(404, { error: 'no such note' })
    : { statusCode: 200, headers: { 'content-type': 'text/plain' }, body: note }
}

function json(statusCode: number, value: unknown): APIGatewayProxyStructuredResultV2 {
  return { statusCode, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) }
}
