import { redirect } from 'react-router'

export const loader = () => redirect('/posts/first', 301)
