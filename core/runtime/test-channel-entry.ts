/**
 * `unmoor/test-channel`: the code with which an artifact built for tests answers requests of the test
 * channel. Adapters import it if `context.testChannel` is set.
 */
export { handleTestChannel, testChannel, type TestChannel } from './test-channel.ts'
