/**
 * Makes our classes look like workerd's interfaces: their name, their tag in `String(binding)`, and the
 * errors for missing arguments.
 */
import { wrongArgument } from './coerce.ts'

/**
 * Types of a method's required arguments, as workerd names them in its errors. An explicit `undefined` counts
 * as given, as in Web IDL.
 */
type Required = Readonly<Record<string, readonly string[]>>

interface Members {
  /** Methods that return a promise: a missing argument rejects it. */
  readonly async?: Required
  /** Other methods: a missing argument throws. */
  readonly sync?: Required
  /** Methods that workerd declares and does not implement. */
  readonly missing?: readonly string[]
}

/** Gives a class the name of a workerd interface, and checks the number of arguments of its methods. */
export function asInterface(Class: { prototype: object }, name: string, members: Members = {}): void {
  Object.defineProperty(Class, 'name', { value: name, configurable: true })
  tag(Class.prototype, name)
  checkArguments(Class.prototype, name, members)
}

/** Checks the number of arguments of an object's methods, which become non-enumerable as in workerd. */
export function checkArguments(holder: object, name: string, members: Members): void {
  const check = (required: Required, fail: (error: TypeError) => unknown): void => {
    for (const [method, types] of Object.entries(required)) {
      type Method = (this: unknown, ...args: unknown[]) => unknown
      const own = Reflect.get(holder, method) as Method
      define(
        holder,
        method,
        {
          [method](this: unknown, ...args: unknown[]): unknown {
            return args.length < types.length
              ? fail(wrongArgument(name, method, args.length + 1, types[args.length] as string))
              : own.apply(this, args)
          },
        }[method],
      )
    }
  }
  check(members.async ?? {}, rejected)
  check(members.sync ?? {}, (error) => {
    throw error
  })
  for (const method of members.missing ?? [])
    define(holder, method, () => {
      throw new Error(`Failed to execute '${method}' on '${name}': the method is not implemented.`)
    })
}

async function rejected(error: TypeError): Promise<never> {
  throw error
}

/** Sets the tag that `String(value)` and `Object.prototype.toString` show. */
export function tag(prototype: object, name: string): void {
  Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true })
}

function define(holder: object, name: string, value: unknown): void {
  Object.defineProperty(holder, name, { value, writable: true, configurable: true, enumerable: false })
}
