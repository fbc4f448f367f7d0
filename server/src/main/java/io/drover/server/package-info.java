/**
 * The door: a node's OpenAI-compatible HTTP server, and the command line that starts nodes.
 *
 * <p>
 * A completion request passes through values and pure machines, with two thin shells around them:
 *
 * <pre>
 * HttpHandler      route, key, body                                     shell
 * RequestReader    JSON        to CompletionCall, or an ApiException    pure
 * CompletionPlan   call, model to sequences of token ids                pure
 * Generation       submits them to the Gateway, cancels what is left    shell
 * CompletionText   token events to text, stop strings, the end          pure
 * CompletionFrames text        to server-sent events or JSON            pure
 * </pre>
 *
 * The laws that hold here: a stream ends with a {@code finish_reason} and {@code [DONE]}, or with an explicit error event, or, where the
 * process dies, unterminated; a client that goes cancels its sequences within a second; whatever is refused is refused with the value and
 * the expected one; nothing that changes the output is ignored.
 *
 * <p>
 * Token ids are exact: {@code token_ids} holds every token that was drawn, also one that ended the sequence and has no text. A stop string
 * is cut from the text and stays in the ids, and the usage counts all ids. {@code temperature} and {@code top_p} are 1 where a request
 * leaves them out, as in OpenAI's API, whatever the checkpoint's {@code generation_config.json} says. Choice i of a request is drawn with
 * seed + i.
 *
 * <p>
 * {@code serve} and {@code node} hold the port before they load a model, open the API when the node is ready, and on SIGINT or SIGTERM let the
 * streams in flight end, leave the cluster, and stop the media driver last. With {@code --processes} a supervisor does the same with one process
 * per node; each child ends when its standard input does, so that nothing outlives the supervisor.
 *
 * <p>
 * Start reading at {@link io.drover.server.Generation} for a request's way, and at {@link io.drover.server.Main} and
 * {@link io.drover.server.Served} for a process's.
 */
@NullMarked
package io.drover.server;

import org.jspecify.annotations.NullMarked;
