/**
 * `unmoor/test-channel`: what an artifact that is built for tests answers {@link testChannel} with.
 * Adapters import it where `context.testChannel` is set.
 */
export { handleTestChannel, testChannel, type TestChannel } from './test-channel.ts'
