package io.drover.model.text;

import java.beans.FeatureDescriptor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;

import org.jspecify.annotations.Nullable;

import com.hubspot.jinjava.el.JinjavaInterpreterResolver;

import jinjava.javax.el.CompositeELResolver;
import jinjava.javax.el.ELContext;
import jinjava.javax.el.ELResolver;

/** Python's methods of strings, which chat templates call and Java's strings lack or mean otherwise. */
final class PythonStrings extends ELResolver {
    private static final String WHITESPACE = " \t\n\r\u000b\f";

    private PythonStrings() {}

    /** These methods, then the library's own resolution of everything else. */
    static ELResolver resolver() {
        final CompositeELResolver resolver = new CompositeELResolver();
        resolver.add(new PythonStrings());
        resolver.add(JinjavaInterpreterResolver.DEFAULT_RESOLVER_READ_ONLY);
        return resolver;
    }

    @Override
    public @Nullable Object invoke(final ELContext context, final @Nullable Object base, final @Nullable Object method,
            final Class<?> @Nullable [] types, final Object @Nullable [] arguments) {
        if (!(base instanceof CharSequence text) || method == null) {
            return null;
        }
        final Object[] given = arguments == null ? new Object[0] : arguments;
        final Object result = call(text.toString(), method.toString(), Arrays.stream(given).map(String::valueOf).toList());
        if (result != null) {
            context.setPropertyResolved(true);
        }
        return result;
    }

    /** Null if there is no such method with so many arguments. */
    private static @Nullable Object call(final String text, final String method, final List<String> arguments) {
        final String first = arguments.isEmpty() ? "" : arguments.getFirst();
        return switch (method + "/" + arguments.size()) {
            case "strip/0" -> strip(text, WHITESPACE, true, true);
            case "strip/1" -> strip(text, first, true, true);
            case "lstrip/0" -> strip(text, WHITESPACE, true, false);
            case "lstrip/1" -> strip(text, first, true, false);
            case "rstrip/0" -> strip(text, WHITESPACE, false, true);
            case "rstrip/1" -> strip(text, first, false, true);
            case "startswith/1" -> text.startsWith(first);
            case "endswith/1" -> text.endsWith(first);
            case "split/0" -> text.isBlank() ? List.of() : Arrays.asList(strip(text, WHITESPACE, true, true).split("\\s+"));
            case "split/1" -> split(text, first, Integer.MAX_VALUE);
            case "split/2" -> split(text, first, Integer.parseInt(arguments.get(1)));
            case "replace/2" -> text.replace(first, arguments.get(1));
            case "upper/0" -> text.toUpperCase(Locale.ROOT);
            case "lower/0" -> text.toLowerCase(Locale.ROOT);
            case "title/0" -> title(text);
            case "capitalize/0" -> text.isEmpty()
                    ? text
                    : text.substring(0, 1).toUpperCase(Locale.ROOT)
                            + text.substring(1).toLowerCase(Locale.ROOT);
            case "find/1" -> text.indexOf(first);
            case "count/1" -> split(text, first, Integer.MAX_VALUE).size() - 1;
            default -> null;
        };
    }

    private static String strip(final String text, final String characters, final boolean left, final boolean right) {
        int from = 0;
        int to = text.length();
        while (left && from < to && characters.indexOf(text.charAt(from)) >= 0) {
            from++;
        }
        while (right && to > from && characters.indexOf(text.charAt(to - 1)) >= 0) {
            to--;
        }
        return text.substring(from, to);
    }

    private static List<String> split(final String text, final String separator, final int most) {
        if (separator.isEmpty()) {
            throw new IllegalArgumentException("split by an empty separator");
        }
        final List<String> parts = new ArrayList<>();
        int from = 0;
        for (int at = text.indexOf(separator); at >= 0 && parts.size() < most; at = text.indexOf(separator, from)) {
            parts.add(text.substring(from, at));
            from = at + separator.length();
        }
        parts.add(text.substring(from));
        return parts;
    }

    private static String title(final String text) {
        final StringBuilder title = new StringBuilder(text.length());
        boolean start = true;
        for (final char c : text.toCharArray()) {
            title.append(start ? Character.toTitleCase(c) : Character.toLowerCase(c));
            start = !Character.isLetter(c);
        }
        return title.toString();
    }

    @Override
    public @Nullable Object getValue(final ELContext context, final @Nullable Object base, final @Nullable Object property) {
        return null;
    }

    @Override
    public @Nullable Class<?> getType(final ELContext context, final @Nullable Object base, final @Nullable Object property) {
        return null;
    }

    @Override
    public void setValue(final ELContext context, final @Nullable Object base, final @Nullable Object property,
            final @Nullable Object value) {
        // Strings have nothing to set: the next resolver refuses.
    }

    @Override
    public boolean isReadOnly(final ELContext context, final @Nullable Object base, final @Nullable Object property) {
        return true;
    }

    @Override
    public Iterator<FeatureDescriptor> getFeatureDescriptors(final ELContext context, final @Nullable Object base) {
        return Collections.emptyIterator();
    }

    @Override
    public @Nullable Class<?> getCommonPropertyType(final ELContext context, final @Nullable Object base) {
        return null;
    }
}
