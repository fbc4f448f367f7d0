package io.drover.server;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.LongSupplier;

import io.drover.actors.GenerationRequest;
import io.drover.model.Sampling;
import io.drover.server.CompletionCall.Delivery;
import io.drover.server.CompletionCall.Kind;
import io.drover.server.CompletionCall.Prompt;
import io.drover.server.CompletionCall.Stopping;

/**
 * A completion request fitted to the model that serves it: token ids, room in the context, one sequence per choice.
 *
 * @param id           the answer's id; choice i is submitted as {@code id-i}
 * @param kind         which endpoint
 * @param delivery     how to answer
 * @param choices      in the order of the answer: all choices of the first prompt, then of the second
 * @param promptTokens of all prompts
 */
record CompletionPlan(String id, Kind kind, Delivery delivery, List<Choice> choices, int promptTokens) {
    private static final int DEFAULT_TEXT_TOKENS = 16;
    /** A tokenizer may compose characters before it cuts them into tokens, but not more than so many into one. */
    private static final int COMPOSED = 4;

    /**
     * @param request   what is submitted
     * @param echo      text that stands before the completion's
     * @param stops     strings that end it
     * @param silentIds ids that end it and have no text
     */
    record Choice(GenerationRequest request, String echo, List<String> stops, Set<Integer> silentIds) {}

    /**
     * @param seeds where a seed comes from when the request has none
     * @throws ApiException if a prompt is empty, holds an unknown id, or does not fit the context
     */
    static CompletionPlan of(final CompletionCall call, final String id, final ServedModel model, final LongSupplier seeds) {
        final List<Choice> choices = new ArrayList<>(call.sequences());
        final long seed = call.drawing().seed().orElseGet(seeds);
        int promptTokens = 0;
        for (int p = 0; p < call.prompts().size(); p++) {
            final Prompt prompt = call.prompts().get(p);
            final String param = prompt instanceof Prompt.Chat ? "messages" : "prompt";
            final List<Integer> ids = ids(prompt, param, model, model.maxPositions());
            final int maxTokens = maxTokens(call, ids.size(), param, model.maxPositions());
            promptTokens += ids.size();
            for (int n = 0; n < call.choices(); n++) {
                choices.add(choice(call, id + "-" + choices.size(), ids, maxTokens, seed + n, model));
            }
        }
        return new CompletionPlan(id, call.kind(), call.delivery(), List.copyOf(choices), promptTokens);
    }

    private static Choice choice(final CompletionCall call, final String id, final List<Integer> ids, final int maxTokens,
            final long seed,
            final ServedModel model) {
        final Stopping stopping = call.stopping();
        stopping.stopTokenIds().forEach(stop -> checkId(stop, "stop_token_ids", model));
        final Sampling sampling = call.drawing().temperature() == 0
                ? Sampling.GREEDY
                : new Sampling(call.drawing().temperature(), call.drawing().topP(), call.drawing().topK(), seed);
        final GenerationRequest request = new GenerationRequest(id, ids, sampling, maxTokens,
                Math.min(stopping.minTokens(), maxTokens),
                stopping.ignoreEos(), stopping.stopTokenIds());
        final Set<Integer> silent = new HashSet<>(stopping.stopTokenIds());
        if (!stopping.ignoreEos()) {
            silent.addAll(model.eosTokenIds());
        }
        final String echo = call.delivery().echo() ? model.text().decode(array(ids), true) : "";
        return new Choice(request, echo, stopping.stops(), silent);
    }

    /**
     * A prompt's token ids, checked against the vocabulary.
     *
     * @param most tokens that are of use: a text that has more for certain is refused before time is spent on it
     */
    static List<Integer> ids(final Prompt prompt, final String param, final ServedModel model, final int most) {
        final List<Integer> ids = switch (prompt) {
            case Prompt.Text text -> encoded(text.text(), text.special(), param, model, most);
            case Prompt.Chat chat -> encoded(model.text().render(chat.messages(), chat.opened()), false, param, model, most);
            case Prompt.Ids given -> given.ids();
        };
        if (ids.isEmpty()) {
            throw ApiException.invalid(param, "'" + param + "' has 0 tokens; expected at least 1.");
        }
        ids.forEach(id -> checkId(id, param, model));
        return ids;
    }

    private static List<Integer> encoded(final String text, final boolean special, final String param, final ServedModel model,
            final int most) {
        final int longest = model.text().longestToken();
        if (text.length() > (long) most * longest * COMPOSED) {
            throw ApiException.tooLong(param, "The prompt has " + text.length() + " characters; this model's context is " + most
                    + " tokens of at most " + longest + " characters, prompt and completion together.");
        }
        return list(model.text().encode(text, special));
    }

    private static int maxTokens(final CompletionCall call, final int prompt, final String param, final int context) {
        final int room = context - prompt;
        if (room < 1) {
            throw ApiException.tooLong(param, "The prompt has " + prompt + " tokens; this model's context is " + context
                    + " tokens, prompt and completion together, so a prompt may have at most " + (context - 1) + ".");
        }
        final int otherwise = call.kind() == Kind.CHAT ? room : Math.min(DEFAULT_TEXT_TOKENS, room);
        final int wanted = call.stopping().maxTokens().orElse(otherwise);
        if (wanted > room) {
            throw ApiException.tooLong("max_tokens",
                    "The prompt has " + prompt + " tokens and max_tokens is " + wanted + ", together "
                            + ((long) prompt + wanted) + "; this model's context is " + context + " tokens.");
        }
        return wanted;
    }

    static void checkId(final int id, final String param, final ServedModel model) {
        if (id >= model.vocabSize()) {
            throw ApiException.invalid(param,
                    "'" + param + "' holds token id " + id + "; expected ids from 0 to " + (model.vocabSize() - 1) + ".");
        }
    }

    static int[] array(final List<Integer> ids) {
        return ids.stream().mapToInt(Integer::intValue).toArray();
    }

    private static List<Integer> list(final int[] ids) {
        return Arrays.stream(ids).boxed().toList();
    }

    /** Tokens that all choices may come to. */
    int maxTokens() {
        return Math
                .toIntExact(Math.min(Integer.MAX_VALUE - 1024, choices.stream().mapToLong(c -> c.request().maxTokens()).sum()));
    }
}
