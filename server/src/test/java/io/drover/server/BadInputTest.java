package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpResponse;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import com.fasterxml.jackson.databind.JsonNode;

/** Every wrong request gets its status, names the field, the value and what was expected, and never reaches the gateway. */
final class BadInputTest {
    private static Door door;

    @BeforeAll
    static void open() {
        door = new Door("drover.http { max-body-size = 4000, max-sequences = 8, body-deadline = 3s }", Map.of());
        door.gateway.on(request -> door.gateway.text("ok", true));
    }

    @AfterAll
    static void close() {
        door.close();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            'temperature' | "temperature":2.5                       | 2.5
            'temperature' | "temperature":"hot"                     | "hot"
            'top_p'       | "top_p":0                               | 0
            'top_k'       | "top_k":-2                              | -2
            'max_tokens'  | "max_tokens":0                          | 0
            'max_tokens'  | "max_tokens":1.5                        | 1.5
            'max_completion_tokens' | "max_completion_tokens":-1    | -1
            'min_tokens'  | "max_tokens":4,"min_tokens":5           | 5
            'n'           | "n":9                                   | 9
            'n'           | "n":0                                   | 0
            'seed'        | "seed":"x"                              | "x"
            'stream'      | "stream":"yes"                          | "yes"
            'stream_options' | "stream_options":3                   | 3
            'stop'        | "stop":5                                | 5
            'stop[1]'     | "stop":["a",5]                          | 5
            'stop_token_ids[0]' | "stop_token_ids":[-1]             | -1
            'model'       | "model":7                               | 7
            """)
    void namesFieldValueAndRange(final String field, final String json, final String value) throws Exception {
        final HttpResponse<String> response = completion(json);
        final JsonNode error = Door.error(response);
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(error.get("param").asText()).isEqualTo(field);
        assertThat(error.get("message").asText()).contains(value).contains(field).contains("expected");
        assertThat(error.get("code").isTextual()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"logprobs\":true", "\"logprobs\":0", "\"top_logprobs\":3", "\"presence_penalty\":0.5",
        "\"frequency_penalty\":-1", "\"repetition_penalty\":1.1", "\"min_p\":0.1", "\"logit_bias\":{\"5\":1}", "\"tools\":[{}]",
        "\"tool_choice\":\"required\"", "\"response_format\":{\"type\":\"json_object\"}", "\"best_of\":2", "\"guided_json\":{}",
        "\"skip_special_tokens\":false", "\"chat_template\":\"x\""})
    void refusesWhatWouldChangeTheOutput(final String json) throws Exception {
        final HttpResponse<String> response = completion(json);
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(Door.error(response).get("code").asText()).isEqualTo("unsupported_parameter");
        assertThat(json).contains("\"" + Door.error(response).get("param").asText() + "\"");
    }

    @Test
    void acceptsNeutralValuesAndUnknownFields() throws Exception {
        final HttpResponse<String> response = completion(
                """
                        "logprobs":null,"presence_penalty":0,"frequency_penalty":0.0,"repetition_penalty":1.0,"min_p":0,"logit_bias":{},
                        "tools":[],"tool_choice":"none","response_format":{"type":"text"},"stop":null,"ignore_eos":true,"user":"u",
                        "metadata":{"a":"b"},"store":false,"service_tier":"auto","parallel_tool_calls":true,"include_obfuscation":false,
                        "reasoning_effort":"low","top_k":-1,"best_of":1,"something_else":[1,{"x":2}],"seed":null,"n":null,"stream_options":null""");
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{", "nonsense", "[1]", "\"text\"", "{\"prompt\":\"a\"} trailing", "{\"prompt\":\"\u0001\"}",
        "null"})
    void malformedJson(final String body) throws Exception {
        final HttpResponse<String> response = door.post("/v1/completions", body);
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(Door.error(response).get("code").asText()).isEqualTo("invalid_json");
    }

    @Test
    void jsonThatIsNestedTooDeepIsRefused() throws Exception {
        assertThat(door.post("/v1/completions", "[".repeat(3000)).statusCode()).isEqualTo(400);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            messages                    | "messages":[]
            messages                    | "model":"bytes"
            messages                    | "messages":"hi"
            messages[0]                 | "messages":[3]
            messages[0].role            | "messages":[{"content":"x"}]
            messages[0].role            | "messages":[{"role":"wizard","content":"x"}]
            messages[0].content         | "messages":[{"role":"user","content":5}]
            messages[1].content[0].type | "messages":[{"role":"user","content":"a"},{"role":"user","content":[{"type":"image_url"}]}]
            messages[0].tool_calls      | "messages":[{"role":"assistant","content":null,"tool_calls":[{}]}]
            """)
    void badMessages(final String param, final String json) throws Exception {
        final HttpResponse<String> response = door.post("/v1/chat/completions", "{" + json + "}");
        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        assertThat(Door.error(response).get("param").asText()).isEqualTo(param);
    }

    @Test
    void contentMayBeTextNullOrParts() throws Exception {
        door.gateway.requests.clear();
        assertThat(door.post("/v1/chat/completions", """
                {"messages":[{"role":"developer","content":"d"},{"role":"assistant","content":null},
                {"role":"user","name":"n","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]}""").statusCode())
                .isEqualTo(200);
        final int[] ids = CompletionPlan.array(door.gateway.requests.remove().promptIds());
        assertThat(new ByteTokenizer().decode(ids, true)).isEqualTo("system:d\nassistant:\nuser:ab\n");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            prompt    | {}
            prompt    | {"prompt":null}
            prompt    | {"prompt":5}
            prompt    | {"prompt":[]}
            prompt    | {"prompt":""}
            prompt[1] | {"prompt":["a",7]}
            prompt[1] | {"prompt":[1,"a"]}
            prompt    | {"prompt":[1,257]}
            prompt[0] | {"prompt":[-4]}
            prompt    | {"prompt":["a","b","c","d","e"],"n":2}
            stop_token_ids | {"prompt":"a","stop_token_ids":[300]}
            stop      | {"prompt":"a","stop":["x",""]}
            """)
    void badPrompts(final String param, final String json) throws Exception {
        final HttpResponse<String> response = door.post("/v1/completions", json);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        assertThat(Door.error(response).get("param").asText()).isEqualTo(param);
    }

    @Test
    void aPromptLongerThanTheContextIsToldBothNumbers() throws Exception {
        final HttpResponse<String> response = door.post("/v1/completions", "{\"prompt\":\"" + "a".repeat(Door.CONTEXT) + "\"}");
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(Door.error(response).get("code").asText()).isEqualTo("context_length_exceeded");
        assertThat(Door.error(response).get("message").asText()).contains("200 tokens").contains("199");
        final HttpResponse<String> both = door.post("/v1/completions", "{\"prompt\":\"abc\",\"max_tokens\":198}");
        assertThat(both.statusCode()).isEqualTo(400);
        assertThat(Door.error(both).get("message").asText()).contains("3 tokens").contains("198").contains("201").contains("200");
        assertThat(door.post("/v1/completions", "{\"prompt\":\"abc\",\"max_tokens\":197}").statusCode()).isEqualTo(200);
    }

    @Test
    void aTextThatIsTooLongForCertainIsRefusedUnread() throws Exception {
        door.tokenizer.reader = text -> assertThat(text.length()).isLessThanOrEqualTo(4 * Door.CONTEXT);
        final HttpResponse<String> response = door.post("/v1/completions",
                "{\"prompt\":\"" + "a".repeat(4 * Door.CONTEXT + 1) + "\"}");
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(Door.error(response).get("code").asText()).isEqualTo("context_length_exceeded");
        assertThat(Door.error(response).get("message").asText()).contains("801 characters").contains("200 tokens");
    }

    @Test
    void aBodyThatIsNoHttpIsRefused() throws Exception {
        assertThat(RawHttp.exchange(door, "POST /v1/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"))
                .startsWith("HTTP/1.1 400 ");
    }

    @Test
    void anUnknownModelIsNotFound() throws Exception {
        final HttpResponse<String> response = completion("\"model\":\"gpt-4\"");
        assertThat(response.statusCode()).isEqualTo(404);
        assertThat(Door.error(response).get("code").asText()).isEqualTo("model_not_found");
        assertThat(Door.error(response).get("message").asText()).contains("gpt-4").contains("bytes");
    }

    @Test
    void aBodyBeyondTheLimitIsRefused() throws Exception {
        final String large = "{\"prompt\":\"" + "a".repeat(5000) + "\"}";
        final HttpResponse<String> response = door.post("/v1/completions", large);
        assertThat(response.statusCode()).isEqualTo(413);
        assertThat(Door.error(response).get("code").asText()).isEqualTo("body_too_large");
        assertThat(RawHttp.exchange(door, "POST /v1/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                + IntStream.range(0, 6).mapToObj(i -> "3e8\r\n" + "a".repeat(1000) + "\r\n").collect(Collectors.joining())
                + "0\r\n\r\n")).startsWith("HTTP/1.1 413 ");
    }

    @Test
    void aBodyThatDoesNotComeIsNotWaitedFor() throws Exception {
        assertThat(RawHttp.exchange(door, "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"))
                .startsWith("HTTP/1.1 408 ");
    }

    @Test
    void theServerLivesOn() throws Exception {
        assertThat(completion("\"max_tokens\":2").statusCode()).isEqualTo(200);
    }

    private static HttpResponse<String> completion(final String fields) throws Exception {
        return door.post("/v1/completions", "{\"prompt\":\"a\"," + fields + "}");
    }
}
