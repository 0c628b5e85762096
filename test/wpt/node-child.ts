import { runInThisContext } from 'node:vm'

// A browser goes on after either, and so do the tests.
process.on('uncaughtException', () => {})
process.on('unhandledRejection', () => {})

process.once('message', (message) => {
  const { script } = message as { script: string }
  Object.defineProperty(globalThis, '__wptDone', {
    value: (text: string) => process.send?.({ text }),
    configurable: true,
  })
  // So that it stays until the tests are through.
  process.on('message', () => {})
  try {
    runInThisContext(script)
  } catch (error) {
    process.send?.({ text: JSON.stringify({ tests: [], message: String(error) }) })
  }
})
