package io.drover.model.text;

/** A conversation that could not be written as a prompt. The message is one line. */
public final class ChatTemplateException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final boolean requestAtFault;

    ChatTemplateException(final String message, final boolean requestAtFault) {
        super(message.replaceAll("\\s*\\R\\s*", " "));
        this.requestAtFault = requestAtFault;
    }

    /**
     * True if another request could succeed: the template itself refused this conversation, or the model has none. False if the
     * template cannot be rendered.
     */
    public boolean isRequestAtFault() {
        return requestAtFault;
    }
}
