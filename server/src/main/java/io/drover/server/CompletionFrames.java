package io.drover.server;

import static com.fasterxml.jackson.databind.node.JsonNodeFactory.instance;

import java.nio.charset.StandardCharsets;
import java.util.List;

import org.apache.pekko.util.ByteString;
import org.jspecify.annotations.Nullable;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import io.drover.server.CompletionCall.Kind;
import io.drover.server.CompletionText.FinishReason;

/**
 * The bytes of an answer: server-sent events or one JSON object.
 *
 * <p>An event is {@code data: } with one space, JSON without line breaks, and two line feeds. All events of an answer carry the
 * same id, time and model. The role travels with a choice's first piece of text, never before it, so that the first event
 * marks the first token.
 */
final class CompletionFrames {
    static final ByteString DONE = ByteString.fromString("data: [DONE]\n\n");

    private final CompletionPlan plan;
    private final long createdS;
    private final String model;

    /** @param createdS seconds since 1970 */
    CompletionFrames(final CompletionPlan plan, final long createdS, final String model) {
        this.plan = plan;
        this.createdS = createdS;
        this.model = model;
    }

    /** One token of choice {@code index}. */
    ByteString piece(final int index, final boolean first, final String text, final int id, final Usage sofar) {
        final ObjectNode chunk = head(true);
        if (first && plan.delivery().tokenIds() && plan.kind() == Kind.CHAT) {
            chunk.set("prompt_token_ids", ids(prompt(index)));
        }
        final ObjectNode choice = chunk.putArray("choices").addObject();
        text(choice.put("index", index), text, true, first);
        choice.putNull("logprobs").putNull("finish_reason");
        if (plan.delivery().tokenIds()) {
            if (first && plan.kind() == Kind.TEXT) {
                choice.set("prompt_token_ids", ids(prompt(index)));
            }
            choice.set("token_ids", ids(List.of(id)));
        }
        return event(usage(chunk, sofar));
    }

    /** The end of choice {@code index}. */
    ByteString end(final int index, final String text, final FinishReason reason, final Usage sofar) {
        final ObjectNode chunk = head(true);
        final ObjectNode choice = chunk.putArray("choices").addObject();
        text(choice.put("index", index), text, !text.isEmpty(), false);
        choice.putNull("logprobs").put("finish_reason", reason.label());
        if (plan.delivery().tokenIds()) {
            choice.putArray("token_ids");
        }
        return event(usage(chunk, sofar));
    }

    /** The chunk with the usage and no choices. */
    ByteString usage(final Usage total) {
        final ObjectNode chunk = head(true);
        chunk.putArray("choices");
        chunk.set("usage", total.json());
        return event(chunk);
    }

    /** The explicit error that ends a stream: named, because some clients react only to the name. */
    static ByteString failure(final ApiException error) {
        return ByteString.fromString("event: error\n").concat(event(error.body()));
    }

    /**
     * The whole answer, not streamed.
     *
     * @param choices in order
     */
    ObjectNode whole(final List<Whole> choices, final Usage total) {
        final ObjectNode answer = head(false);
        final ArrayNode array = answer.putArray("choices");
        for (int i = 0; i < choices.size(); i++) {
            final Whole whole = choices.get(i);
            final ObjectNode choice = array.addObject().put("index", i);
            if (plan.kind() == Kind.CHAT) {
                choice.putObject("message").put("role", "assistant").put("content", whole.text).putNull("refusal");
            } else {
                choice.put("text", whole.text);
            }
            choice.putNull("logprobs").put("finish_reason", whole.reason.label());
            if (plan.delivery().tokenIds()) {
                choice.set("token_ids", ids(whole.ids));
                if (plan.kind() == Kind.TEXT) {
                    choice.set("prompt_token_ids", ids(prompt(i)));
                }
            }
        }
        answer.set("usage", total.json());
        if (plan.delivery().tokenIds() && samePrompt()) {
            answer.set("prompt_token_ids", ids(prompt(0)));
        }
        return answer;
    }

    /** A choice that has ended. */
    record Whole(String text, List<Integer> ids, FinishReason reason) {}

    private ObjectNode head(final boolean chunk) {
        final String object = plan.kind() == Kind.TEXT ? "text_completion" : chunk ? "chat.completion.chunk" : "chat.completion";
        return instance.objectNode()
                .put("id", plan.id())
                .put("object", object)
                .put("created", createdS)
                .put("model", model)
                .putNull("system_fingerprint");
    }

    private void text(final ObjectNode choice, final String text, final boolean present, final boolean first) {
        if (plan.kind() == Kind.TEXT) {
            choice.put("text", text);
            return;
        }
        final ObjectNode delta = choice.putObject("delta");
        if (first) {
            delta.put("role", "assistant");
        }
        if (present) {
            delta.put("content", text);
        }
    }

    private ObjectNode usage(final ObjectNode chunk, final Usage sofar) {
        if (plan.delivery().continuousUsage()) {
            chunk.set("usage", sofar.json());
        } else if (plan.delivery().usage()) {
            chunk.putNull("usage");
        }
        return chunk;
    }

    private List<Integer> prompt(final int index) {
        return plan.choices().get(index).request().promptIds();
    }

    private boolean samePrompt() {
        return plan.choices().stream().allMatch(choice -> choice.request().promptIds().equals(prompt(0)));
    }

    private static ArrayNode ids(final List<Integer> ids) {
        final ArrayNode array = instance.arrayNode(ids.size());
        ids.forEach(array::add);
        return array;
    }

    private static ByteString event(final ObjectNode data) {
        return ByteString.fromString("data: " + data + "\n\n", StandardCharsets.UTF_8);
    }

    static ByteString json(final @Nullable ObjectNode node) {
        return ByteString.fromString(String.valueOf(node), StandardCharsets.UTF_8);
    }
}
