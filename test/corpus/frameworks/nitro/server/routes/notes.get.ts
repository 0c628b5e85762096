export default defineEventHandler(async () => ({
  note: await useStorage('notes').getItem('note'),
  keys: await useStorage('notes').getKeys(),
}))
