/**
 * Both results of two works side by side. When one fails, not before the other has ended: nothing may
 * still use what the caller closes then.
 */
export async function bothEnded<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([first, second]);
  return Promise.all([first, second]);
}
