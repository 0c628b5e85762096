export default defineEventHandler((event) => `marked ${event.path}`)
