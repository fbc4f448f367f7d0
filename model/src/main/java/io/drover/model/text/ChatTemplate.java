package io.drover.model.text;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.interpret.RenderResult;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import com.hubspot.jinjava.objects.date.StrftimeFormatter;

import io.drover.model.checkpoint.CheckpointException;

/**
 * A conversation as the prompt the model was trained on, by the Jinja template of {@code chat_template.jinja} or
 * {@code tokenizer_config.json}.
 *
 * <p>
 * Rendered as Hugging Face does: blocks trimmed, {@code raise_exception} and {@code strftime_now} known, the special tokens named in
 * {@code tokenizer_config.json} as variables. What the template's language has and the library has not is rewritten
 * ({@link TemplateDialect}), added ({@link PythonStrings}) or refused. Contents of messages are values: nothing in them is ever taken for
 * template code. Special tokens spelled out in them stay text here, and become tokens when the prompt is encoded
 * ({@link Tokenizer#encode}).
 *
 * <p>
 * Immutable, for any number of threads.
 */
public final class ChatTemplate {
    private static final String FILE = "chat_template.jinja";
    private static final String CONFIG = "tokenizer_config.json";
    private static final long MAX_PROMPT_CHARS = 64L << 20;

    private final Path source;
    private final String template;
    private final String unsupported;
    private final Map<String, String> specialTokens;
    private final Jinjava jinjava;

    private ChatTemplate(final Path source, final String template, final Map<String, String> specialTokens) {
        this.source = source;
        this.template = TemplateDialect.rewrite(template);
        this.specialTokens = specialTokens;
        jinjava = engine();
        unsupported = TemplateDialect.unsupported(template, name -> jinjava.getGlobalContext().getFilter(name) != null,
                name -> jinjava.getGlobalContext().getExpTest(name) != null);
    }

    /**
     * The template of a model directory.
     *
     * @return null if it has none
     * @throws CheckpointException in one line, if a file is malformed
     */
    public static @Nullable ChatTemplate load(final Path directory) {
        final Path config = directory.resolve(CONFIG);
        final Path file = directory.resolve(FILE);
        try {
            final JsonNode root = Files.exists(config)
                    ? new ObjectMapper().readTree(config.toFile())
                    : new ObjectMapper().createObjectNode();
            if (!root.isObject()) {
                throw new CheckpointException(config + " holds no JSON object; expected the tokenizer's settings");
            }
            if (Files.exists(file)) {
                return new ChatTemplate(file, Files.readString(file), specialTokens(root));
            }
            final String template = template(config, root.path("chat_template"));
            return template == null ? null : new ChatTemplate(config, template, specialTokens(root));
        } catch (final JsonProcessingException e) {
            throw new CheckpointException(config + " is not valid JSON: " + e.getOriginalMessage(), e);
        } catch (final IOException e) {
            throw new CheckpointException(directory + ": the chat template cannot be read: " + e.getMessage(), e);
        }
    }

    /**
     * @param addGenerationPrompt whether the prompt ends with the opening of the assistant's turn
     * @throws ChatTemplateException if the template refuses the conversation, or cannot be rendered
     */
    public String render(final List<ChatMessage> messages, final boolean addGenerationPrompt) {
        if (!unsupported.isEmpty()) {
            throw unrenderable(unsupported);
        }
        final List<Map<String, Object>> turns = new ArrayList<>();
        for (final ChatMessage message : messages) {
            final Map<String, Object> turn = new LinkedHashMap<>();
            turn.put("role", message.role());
            turn.put("content", message.content());
            turns.add(turn);
        }
        final Map<String, Object> variables = new HashMap<>(specialTokens);
        variables.put("messages", turns);
        variables.put("add_generation_prompt", addGenerationPrompt);
        final RenderResult result = jinjava.renderForResult(template, variables);
        for (final TemplateError error : result.getErrors()) {
            for (Throwable cause = error.getException(); cause != null; cause = cause.getCause()) {
                if (cause instanceof ChatTemplateException raised) {
                    throw new ChatTemplateException("the model's chat template refuses the messages: " + raised.getMessage(),
                            true);
                }
            }
        }
        if (result.hasErrors()) {
            final TemplateError first = result.getErrors().getFirst();
            throw unrenderable("line " + first.getLineno() + ": " + first.getMessage());
        }
        return result.getOutput();
    }

    private ChatTemplateException unrenderable(final String reason) {
        return new ChatTemplateException("the chat template of " + source + " cannot be rendered: " + reason, false);
    }

    /** {@code raise_exception(message)} of templates. */
    public static String raiseException(final String message) {
        throw new ChatTemplateException(message, true);
    }

    /** {@code strftime_now(pattern)} of templates: the present date and time in the zone of this machine. */
    public static String formatNow(final String pattern) {
        return StrftimeFormatter.format(ZonedDateTime.now(), pattern);
    }

    private static Jinjava engine() {
        final LegacyOverrides asJinja2 = LegacyOverrides.newBuilder()
                .withEvaluateMapKeys(true)
                .withIterateOverMapKeys(true)
                .withUsePyishObjectMapper(true)
                .withUseNaturalOperatorPrecedence(true)
                .withParseWhitespaceControlStrictly(true)
                .withAllowAdjacentTextNodes(true)
                .withUseTrimmingForNotesAndExpressions(true)
                .withKeepNullableLoopValues(true)
                .withHandleBackslashInQuotesOnly(true)
                .build();
        final Jinjava engine = new Jinjava(JinjavaConfig.newBuilder()
                .withTrimBlocks(true)
                .withLstripBlocks(true)
                .withKeepTrailingNewline(true)
                .withNestedInterpretationEnabled(false)
                .withMaxOutputSize(MAX_PROMPT_CHARS)
                .withLegacyOverrides(asJinja2)
                .withElResolver(PythonStrings.resolver())
                .build());
        engine.getGlobalContext().registerFilter(new PythonJson());
        engine.setResourceLocator((name, charset, interpreter) -> {
            throw new IOException("a chat template cannot include '" + name + "'");
        });
        for (final var function : List.of(
                new ELFunctionDefinition("", "raise_exception", ChatTemplate.class, "raiseException", String.class),
                new ELFunctionDefinition("", "strftime_now", ChatTemplate.class, "formatNow", String.class))) {
            engine.getGlobalContext().registerFunction(function);
        }
        return engine;
    }

    private static Map<String, String> specialTokens(final JsonNode config) {
        final Map<String, String> tokens = new HashMap<>();
        config.properties().forEach(entry -> {
            final JsonNode token = entry.getValue().isObject() ? entry.getValue().path("content") : entry.getValue();
            if (entry.getKey().endsWith("_token") && token.isTextual()) {
                tokens.put(entry.getKey(), token.textValue());
            }
        });
        return tokens;
    }

    /** A single template, or the one named "default" of several. */
    private static @Nullable String template(final Path config, final JsonNode node) {
        if (node.isMissingNode() || node.isNull()) {
            return null;
        }
        if (node.isTextual()) {
            return node.textValue();
        }
        for (final JsonNode named : node) {
            if (named.path("name").asText().equals("default") && named.path("template").isTextual()) {
                return named.path("template").textValue();
            }
        }
        throw new CheckpointException(config + ": chat_template is " + node.getNodeType()
                + " without a template named \"default\"; expected a string or a list with one");
    }
}
