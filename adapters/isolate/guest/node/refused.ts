/**
 * Returns a stand-in for a function of Node's modules that an isolate lacks. Builds succeed, and a call
 * throws an error with the name.
 */
export function refused(module: string, name: string): (...args: never[]) => never {
  const refuse = function (): never {
    throw Object.assign(new Error(`${module}.${name} is not there in an isolate.`), {
      code: 'ERR_FEATURE_UNAVAILABLE',
    })
  }
  return Object.defineProperty(refuse, 'name', { value: name, configurable: true })
}
