# The Homebrew formula. scripts/package replaces the words in @…@.
class Mcpo < Formula
  desc "From an idea to a remote MCP server in claude.ai: new, dev, probe, deploy"
  homepage "@HOMEPAGE@"
  version "@VERSION@"
  license any_of: ["MIT", "Apache-2.0"]

@PLATFORMS@
  def install
    bin.install "mcpo"
    man1.install Dir["man/*.1"]
    generate_completions_from_executable(bin/"mcpo", shell_parameter_format: :clap)
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/mcpo --version")
  end
end
