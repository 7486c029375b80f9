"""The exit statuses of the commands, in one place, so that scripts can rely on them."""

OK = 0
FAILED = 1
USAGE = 2
SIGN_IN_NEEDED = 3
INTERRUPTED = 130

TEXT = """\
exit status:
  0    all went as asked
  1    something did not: the last lines say what
  2    the command line cannot be used; nothing was started
  3    no file failed, but one waits for a person to sign in
  130  interrupted, with Ctrl-C for example"""
