import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { defineApp } from 'unmoor'

const Params = z.object({
  id: z
    .string()
    .min(3)
    .openapi({ param: { name: 'id', in: 'path' }, example: '1212121' }),
})
const User = z
  .object({ id: z.string().openapi({ example: '123' }), name: z.string(), age: z.number().optional() })
  .openapi('User')

const get = createRoute({
  method: 'get',
  path: '/users/{id}',
  request: { params: Params, query: z.object({ verbose: z.stringbool().optional() }) },
  responses: { 200: { content: { 'application/json': { schema: User } }, description: 'Retrieve the user' } },
})
const post = createRoute({
  method: 'post',
  path: '/users',
  request: { body: { content: { 'application/json': { schema: User } }, required: true } },
  responses: {
    201: { content: { 'application/json': { schema: User } }, description: 'Created' },
    400: {
      content: { 'application/json': { schema: z.object({ issues: z.array(z.string()) }) } },
      description: 'Bad',
    },
  },
})

const app = new OpenAPIHono()
app.openapi(get, (c) => {
  const { id } = c.req.valid('param')
  return c.json({ id, name: 'Ultra-man', ...(c.req.valid('query').verbose === true ? { age: 20 } : {}) }, 200)
})
app.openapi(
  post,
  (c) => c.json(c.req.valid('json'), 201),
  (result, c) =>
    result.success ? undefined : c.json({ issues: result.error.issues.map(({ message }) => message) }, 400),
)
app.openAPIRegistry.registerComponent('securitySchemes', 'Bearer', { type: 'http', scheme: 'bearer' })
app.doc('/doc', { openapi: '3.0.0', info: { version: '1.0.0', title: 'My API' } })
app.doc31('/doc31', { openapi: '3.1.0', info: { version: '1.0.0', title: 'My API' } })

export default defineApp({ fetch: app.fetch })
