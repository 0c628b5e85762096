export default defineEventHandler(async (event) => {
  const data = await readFormData(event)
  const text = String(data.get('text') ?? '')
  if (text === '') throw createError({ statusCode: 422, statusMessage: 'Text is missing' })
  await useStorage('notes').setItem('note', { text })
  return sendRedirect(event, '/notes', 303)
})
