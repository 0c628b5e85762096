/** The global object, whose properties a bundle's bare names are (`build/node-shims.ts`). */
export const holder = globalThis

/** Defines a global of Node, unless the app has already defined it. */
export function putGlobal(name: string, value: unknown): void {
  if (!Object.hasOwn(globalThis, name))
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true })
}
