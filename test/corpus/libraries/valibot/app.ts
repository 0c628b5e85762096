import * as v from 'valibot'
import { defineApp } from 'unmoor'

const Login = v.object({
  email: v.pipe(v.string(), v.trim(), v.toLowerCase(), v.email('The email is badly formatted.')),
  password: v.pipe(v.string(), v.minLength(8)),
  since: v.optional(v.pipe(v.string(), v.isoDate())),
})
const Shape = v.variant('kind', [
  v.strictObject({ kind: v.literal('circle'), radius: v.number() }),
  v.strictObject({ kind: v.literal('square'), side: v.number() }),
])

export default defineApp({
  async fetch(request) {
    const { pathname } = new URL(request.url)
    const input: unknown = await request.json()
    try {
      return Response.json(v.parse(pathname === '/login' ? Login : Shape, input))
    } catch (error) {
      if (!v.isValiError(error)) throw error
      return Response.json(
        { name: error.name, message: error.message, flat: v.flatten(error.issues as [v.BaseIssue<unknown>]) },
        { status: 400 },
      )
    }
  },
})
