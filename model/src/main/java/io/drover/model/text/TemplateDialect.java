package io.drover.model.text;

import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Rewrites what the Jinja of chat templates has and the Java library has not, into what it has:
 * <ul>
 * <li>{@code list[::-1]} becomes {@code list|reverse};</li>
 * <li>a keyword argument's value gets parentheses, {@code f(a=b - 1)} to {@code f(a=(b - 1))}: the library would bind {@code a=b}
 * tighter than the minus;</li>
 * <li>one newline at the end of the template is dropped.</li>
 * </ul>
 * Text outside of {@code {{ }}} and {@code {% %}}, and string literals, are left alone.
 */
final class TemplateDialect {
    private static final Pattern CODE = Pattern.compile("\\{\\{.*?}}|\\{%.*?%}|\\{#.*?#}", Pattern.DOTALL);
    private static final Pattern FILTERED_LOOP = Pattern.compile("\\{%[-+]?\\s*for\\s[^%]*\\sif\\s(?![^%]*\\selse\\s)[^%]*%}");
    private static final Pattern MACRO = Pattern.compile("\\{%[-+]?\\s*macro\\s.*", Pattern.DOTALL);
    private static final Pattern KEYWORD = Pattern.compile("[A-Za-z_]\\w*\\s*=(?!=)");
    private static final Pattern STRING = Pattern.compile("'(?:\\\\.|[^'\\\\])*'|\"(?:\\\\.|[^\"\\\\])*\"");
    private static final Pattern FILTER = Pattern.compile("\\|\\s*([A-Za-z_]\\w*)");
    private static final Pattern TEST = Pattern.compile("\\sis\\s+(?:not\\s+)?([A-Za-z_]\\w*)");
    private static final String REVERSED = "[::-1]";

    private final String code;
    private final StringBuilder out = new StringBuilder();
    private int at;

    private TemplateDialect(final String code) {
        this.code = code;
    }

    static String rewrite(final String template) {
        final String source = template.endsWith("\n") ? template.substring(0, template.length() - 1) : template;
        return CODE.matcher(source).replaceAll(match -> Matcher.quoteReplacement(rewriteCode(match.group())));
    }

    /**
     * What the library would render wrongly without an error; empty if there is no such thing.
     *
     * @param knownFilter whether the library has a filter of that name
     * @param knownTest   whether it has a test of that name: {@code x is name}
     */
    static String unsupported(final String template, final Predicate<String> knownFilter, final Predicate<String> knownTest) {
        final Matcher loop = FILTERED_LOOP.matcher(template);
        if (loop.find()) {
            return "a loop with a filter, '" + loop.group() + "', is not supported";
        }
        final List<String> codes = CODE.matcher(template)
                .results()
                .map(code -> STRING.matcher(code.group()).replaceAll("''"))
                .filter(code -> !code.startsWith("{#"))
                .toList();
        return Stream
                .concat(names(codes, FILTER).filter(knownFilter.negate())
                        .map(name -> "the filter '" + name + "' is not supported"),
                        names(codes, TEST).filter(knownTest.negate()).map(name -> "the test '" + name + "' is not supported"))
                .findFirst()
                .orElse("");
    }

    private static Stream<String> names(final List<String> codes, final Pattern pattern) {
        return codes.stream().flatMap(code -> pattern.matcher(code).results()).map(found -> found.group(1));
    }

    private static String rewriteCode(final String code) {
        if (code.startsWith("{#") || MACRO.matcher(code).matches()) {
            return code;
        }
        final TemplateDialect rewriting = new TemplateDialect(code);
        while (rewriting.at < code.length()) {
            rewriting.copyOne();
        }
        return rewriting.out.toString();
    }

    private void copyOne() {
        final char c = code.charAt(at);
        if (c == '\'' || c == '"') {
            copyString(c);
        } else if (code.startsWith(REVERSED, at)) {
            out.append("|reverse");
            at += REVERSED.length();
        } else {
            out.append(c);
            at++;
            if (c == '(') {
                copyArguments();
            }
        }
    }

    private void copyString(final char quote) {
        do {
            if (code.charAt(at) == '\\' && at + 1 < code.length()) {
                out.append(code.charAt(at++));
            }
            out.append(code.charAt(at++));
        } while (at < code.length() && code.charAt(at) != quote);
        if (at < code.length()) {
            out.append(quote);
            at++;
        }
    }

    /** From behind an opening parenthesis to behind the closing one. */
    private void copyArguments() {
        boolean keyword = openKeyword();
        int brackets = 0;
        while (at < code.length()) {
            final char c = code.charAt(at);
            if (brackets == 0 && (c == ',' || c == ')')) {
                out.append(keyword ? ")" : "").append(c);
                at++;
                if (c == ')') {
                    return;
                }
                keyword = openKeyword();
            } else {
                brackets += c == '[' || c == '{' ? 1 : c == ']' || c == '}' ? -1 : 0;
                copyOne();
            }
        }
    }

    private boolean openKeyword() {
        while (at < code.length() && Character.isWhitespace(code.charAt(at))) {
            out.append(code.charAt(at++));
        }
        final Matcher keyword = KEYWORD.matcher(code).region(at, code.length());
        if (!keyword.lookingAt()) {
            return false;
        }
        out.append(keyword.group()).append('(');
        at = keyword.end();
        return true;
    }
}
