/** Answers that are kept, so that the same question costs nothing again. */

/** @param most answers are kept, the first ones; others are found again each time. What `find` throws is not kept. */
export function remembering<Question, Answer>(
  most: number,
  find: (question: Question) => Answer,
): (question: Question) => Answer {
  const known = new Map<Question, Answer>();
  return question => {
    const answer = known.get(question);
    if (answer !== undefined || known.has(question)) return answer as Answer;
    const found = find(question);
    if (known.size < most) known.set(question, found);
    return found;
  };
}

/** What is found when it is asked for first. What `find` throws is not kept. */
export function once<Answer>(find: () => Answer): () => Answer {
  let known: { readonly answer: Answer } | undefined;
  return () => {
    known ??= { answer: find() };
    return known.answer;
  };
}
