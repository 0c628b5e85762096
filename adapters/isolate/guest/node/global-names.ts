/**
 * The global object. The build turns the bare names of Node in a bundle (such as `Buffer`) into its
 * properties (`build/node-shims.ts`).
 */
export const holder = globalThis

/** Defines a global of Node, unless the app has already defined it. */
export function putGlobal(name: string, value: unknown): void {
  if (!Object.hasOwn(globalThis, name))
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true })
}
