/** Does the server answer with a stream? @param {{headers: Headers}} answer */
export const isStream = (answer) => !!answer.headers.get("Content-Type")?.startsWith("text/event-stream");

/** The data of server-sent events, piece by piece, until the stream ends or its reader has left it. @param {Response} answer @param {AbortSignal} left */
export async function* pieces(answer, left) {
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (let read; (read = await reader?.read()) && !read.done; ) {
      const blocks = (text + read.value).split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const data = /^data: (.+)$/m.exec(block)?.[1];
        if (data) yield JSON.parse(data);
      }
    }
  } catch (error) {
    if (!left.aborted) throw error;
  }
}
