/** The global object, whose properties a bundle's bare names are (`build/node-shims.ts`). */
export const holder = globalThis

/** Puts a name of Node's there, unless the app was first. */
export function putGlobal(name: string, value: unknown): void {
  if (!Object.hasOwn(globalThis, name))
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true })
}
