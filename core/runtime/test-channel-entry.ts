/**
 * `unmoor/test-channel`: the code with which an artifact that is built for tests answers {@link testChannel}.
 * Adapters import it if `context.testChannel` is set.
 */
export { handleTestChannel, testChannel, type TestChannel } from './test-channel.ts'
