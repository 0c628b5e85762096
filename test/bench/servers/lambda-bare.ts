/** The bare handler that aws-lambda-ric starts with. */
export const handler = async (): Promise<object> => ({
  statusCode: 200,
  headers: { 'content-type': 'text/plain; charset=UTF-8' },
  body: 'Hello, world!',
  isBase64Encoded: false,
})
