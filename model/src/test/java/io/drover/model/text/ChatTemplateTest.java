package io.drover.model.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import io.drover.model.Fixture;
import io.drover.model.checkpoint.CheckpointException;

class ChatTemplateTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path directory;

    @Test
    void conversationsOfTheEmbeddedModelBecomeThePublishedPrompts() {
        try (ModelText text = ModelText.load(Fixture.DEMO, 4096)) {
            int compared = 0;
            for (final Fixture.DemoCase expected : Fixture.demoCases()) {
                if (!expected.messages().isEmpty()) {
                    final List<ChatMessage> messages = expected.messages()
                            .stream()
                            .map(message -> new ChatMessage(message.get("role"), message.get("content")))
                            .toList();
                    assertThat(text.chatPrompt(messages)).containsExactly(expected.promptIds());
                    compared++;
                }
            }
            assertThat(compared).isEqualTo(16);
        }
    }

    /** Templates with the constructs of the supported families' published ones; expectations rendered by Jinja2 as transformers sets it up. */
    @TestFactory
    List<DynamicTest> templatesRenderAsByJinja2() throws IOException {
        final List<DynamicTest> tests = new ArrayList<>();
        for (final JsonNode node : JSON.readTree(Fixture.ROOT.resolve("model/src/test/resources/chat-templates.json").toFile())) {
            final List<ChatMessage> messages = new ArrayList<>();
            node.get("messages")
                    .forEach(message -> messages
                            .add(new ChatMessage(message.get("role").textValue(), message.get("content").textValue())));
            tests.add(DynamicTest.dynamicTest(node.get("name").textValue(), () -> {
                final ChatTemplate template = template(node.get("template").textValue());
                final boolean generation = node.get("add_generation_prompt").booleanValue();
                if (node.has("error")) {
                    assertThatThrownBy(() -> template.render(messages, generation)).isInstanceOf(ChatTemplateException.class)
                            .hasMessage("the model's chat template refuses the messages: " + node.get("error").textValue())
                            .satisfies(e -> assertThat(((ChatTemplateException) e).isRequestAtFault()).isTrue());
                } else {
                    assertThat(template.render(messages, generation)).isEqualTo(node.get("expected").textValue());
                }
            }));
        }
        assertThat(tests).hasSizeGreaterThan(30);
        return tests;
    }

    @Test
    void contentsOfMessagesAreNeverTemplateCode() throws IOException {
        final String hostile = "{{ 7*7 }}{% for x in range(9) %}x{% endfor %}{# gone #}{{ raise_exception('no') }}{% raw %} \\n ''' \"";
        final String prompt = template("{{ messages[0]['content'] + '|' }}{% set copy = messages[0].content %}{{ copy|trim }}")
                .render(List.of(new ChatMessage("user", hostile)), true);
        assertThat(prompt).isEqualTo(hostile + "|" + hostile);
        assertThat(template("{{ messages[0].role }}").render(List.of(new ChatMessage("{{ bos_token }}", "")), true))
                .isEqualTo("{{ bos_token }}");
    }

    @Test
    void theDateIsToday() throws IOException {
        assertThat(template("{{ strftime_now('%Y-%m-%d') }}").render(List.of(), true))
                .isIn(LocalDate.now().minusDays(1).toString(), LocalDate.now().toString());
    }

    @Test
    void aTemplateThatCannotBeRenderedIsSaidToBeSo() throws IOException {
        assertUnrenderable("{% if messages %}never closed");
        assertUnrenderable("{{ messages[0].content.no_such_method() }}");
        assertUnrenderable("{{ messages | no_such_filter }}");
        assertUnrenderable("{{ 1 is no_such_test }}");
        assertUnrenderable("{{ no_such_function(1) }}");
        assertUnrenderable("{% no_such_tag %}");
        assertUnrenderable("{% include '/etc/passwd' %}");
        assertUnrenderable("{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}");
    }

    @Test
    void aModelWithoutATemplateRefusesConversationsOnly() throws IOException {
        Files.copy(Fixture.DEMO.resolve("tokenizer.json"), directory.resolve("tokenizer.json"));
        try (ModelText text = ModelText.load(directory, 4096)) {
            assertThat(text.hasChatTemplate()).isFalse();
            assertThat(text.prompt("Hi")).startsWith(0);
            assertThatThrownBy(() -> text.chatPrompt(List.of(new ChatMessage("user", "Hi"))))
                    .isInstanceOf(ChatTemplateException.class)
                    .hasMessageContaining("the model has no chat template");
        }
    }

    @Test
    void theFileBesideTheConfigWinsAndNamedTemplatesAndTokenObjectsAreRead() throws IOException {
        write(Map.of("bos_token", Map.of("content", "<B>"), "chat_template",
                List.of(Map.of("name", "tool_use", "template", "tools"),
                        Map.of("name", "default", "template", "named{{ bos_token }}"))));
        assertThat(load().render(List.of(), true)).isEqualTo("named<B>");
        Files.writeString(directory.resolve("chat_template.jinja"), "file{{ bos_token }}\n");
        assertThat(load().render(List.of(), true)).isEqualTo("file<B>");
    }

    @Test
    void malformedSettingsAreRefusedInOneLine() throws IOException {
        Files.writeString(directory.resolve("tokenizer_config.json"), "{\"chat_template\": ");
        assertThatThrownBy(this::load).isInstanceOf(CheckpointException.class)
                .hasMessageContaining("tokenizer_config.json is not valid JSON");
        write(Map.of("chat_template", 5));
        assertThatThrownBy(this::load).isInstanceOf(CheckpointException.class)
                .hasMessageContaining("expected a string or a list");
    }

    private void assertUnrenderable(final String source) throws IOException {
        assertThatThrownBy(() -> template(source).render(List.of(new ChatMessage("user", "Hi")), true)).as(source)
                .isInstanceOf(ChatTemplateException.class)
                .hasMessageContaining("cannot be rendered")
                .message()
                .doesNotContain("\n");
    }

    private ChatTemplate template(final String source) throws IOException {
        write(Map.of("bos_token", "<s>", "eos_token", "</s>", "chat_template", source));
        return load();
    }

    private ChatTemplate load() {
        final ChatTemplate template = ChatTemplate.load(directory);
        assertThat(template).isNotNull();
        return template;
    }

    private void write(final Map<String, ?> config) throws IOException {
        JSON.writeValue(directory.resolve("tokenizer_config.json").toFile(), config);
    }
}
