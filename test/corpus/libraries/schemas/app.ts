import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { type as ark, ArkErrors } from 'arktype'
import { Hono } from 'hono'
import Joi from 'joi'
import { array, assert, defaulted, enums, number, object, string, StructError, create } from 'superstruct'
import { defineApp } from 'unmoor'

const joi = Joi.object({
  name: Joi.string().min(2).required(),
  email: Joi.string().email(),
  age: Joi.number().integer().positive(),
  at: Joi.date().iso(),
}).with('email', 'age')
const Box = Type.Object({
  id: Type.Integer({ minimum: 1 }),
  tags: Type.Array(Type.String(), { default: [] }),
  kind: Type.Union([Type.Literal('a'), Type.Literal('b')]),
})
const Person = ark({ name: 'string > 1', 'age?': 'number.integer >= 0', roles: "('admin' | 'user')[]" })
const Struct = object({ id: number(), state: defaulted(enums(['on', 'off']), 'off'), tags: array(string()) })

const app = new Hono()
app.post('/joi', async (c) => {
  const { error, value } = joi.validate(await c.req.json(), { abortEarly: false })
  if (error === undefined) return c.json(value as object)
  return c.json({ name: error.name, of: error.constructor.name, details: error.details }, 400)
})
app.post('/typebox', async (c) => {
  const value = Value.Convert(Box, Value.Default(Box, await c.req.json()))
  if (Value.Check(Box, value)) return c.json(value)
  return c.json(
    [...Value.Errors(Box, value)].map(({ path, message }) => [path, message]),
    400,
  )
})
app.post('/arktype', async (c) => {
  const result = Person(await c.req.json())
  return result instanceof ArkErrors ? c.text(result.summary, 400) : c.json(result)
})
app.post('/superstruct', async (c) => {
  const value: unknown = await c.req.json()
  try {
    assert(create(value, Struct), Struct)
    return c.json(create(value, Struct))
  } catch (error) {
    if (!(error instanceof StructError)) throw error
    return c.json({ name: error.name, message: error.message, path: error.path as string[] }, 400)
  }
})

export default defineApp({ fetch: app.fetch })
