/** Stands for zod, by which the tests give what a Worker reports a type; what it is they assert later. */
interface Schema {
  array(): Schema
  parse(value: unknown): unknown
}

const schema: Schema = { array: () => schema, parse: (value) => value }
const any = (): Schema => schema

export const z = { string: any, number: any, any, object: any }
